import type { ComponentChildren } from 'preact';
import type { Mode, Score } from '../../../worker/protocol';
import { LineKey } from '../../components/LineKey';

interface ReadingProps {
  mode: Mode;
  score: Score | null;
  source: string;
  children: ComponentChildren;
}

/** Accuracy in one mode. */
export function Reading({ mode, score, source, children }: ReadingProps) {
  const title = mode === 'eval' ? 'Eval mode' : 'Train mode';
  return (
    <section class="reading" aria-label={`Accuracy, ${title.toLowerCase()}`}>
      <h3>
        <LineKey mode={mode} />
        {title}
      </h3>
      <p class="figure">
        {score ? (
          <>
            {percent(score)}
            <small> %</small>
          </>
        ) : (
          <span>–</span>
        )}
      </p>
      <p class="source">{source}</p>
      {children}
    </section>
  );
}

export function Difference({ evalScore, trainScore }: { evalScore: Score | null; trainScore: Score | null }) {
  const points = evalScore && trainScore ? Number(percent(trainScore)) - Number(percent(evalScore)) : null;
  const sign = points && points < 0 ? '−' : '+';
  return (
    <section class="reading difference" aria-label="Difference of the accuracies">
      <h3>Difference</h3>
      <p class="figure">
        {points === null ? <span>–</span> : points === 0 ? '0.0' : `${sign}${Math.abs(points).toFixed(1)}`}
      </p>
      <p class="source">points, train minus eval</p>
    </section>
  );
}

interface GaugeProps {
  evalScore: Score | null;
  trainScore: Score | null;
  former: Score | null;
}

/** As in Train: eval above the line, train beneath it; faint, what eval was before. */
export function Gauge({ evalScore, trainScore, former }: GaugeProps) {
  return (
    <div class="gauge" aria-hidden="true">
      {former && <i class="needle was" data-mode="eval" style={{ '--at': former.accuracy }} />}
      {evalScore && <i class="needle" data-mode="eval" style={{ '--at': evalScore.accuracy }} />}
      {trainScore && <i class="needle" data-mode="train" style={{ '--at': trainScore.accuracy }} />}
      <div class="rule">
        {[0, 0.1, 0.25, 0.5, 0.75, 1].map((at) => (
          <span key={at} style={{ '--at': at }}>
            {at === 0.1 ? 'guess' : `${100 * at}`}
          </span>
        ))}
      </div>
    </div>
  );
}

export function percent({ accuracy }: Score): string {
  return (100 * accuracy).toFixed(1);
}
