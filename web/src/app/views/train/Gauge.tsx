import type { Score } from '../../../worker/protocol';

interface Props {
  evalScore: Score | null;
  trainScore: Score | null;
  classes: number;
}

/** Nearer than this two numbers would touch. */
const APART = 0.08;

/** Both accuracies on one ruled scale, eval above the line and train beneath it. */
export function Gauge({ evalScore, trainScore, classes }: Props) {
  const guess = 1 / classes;
  const ticks = [0, 0.25, 0.5, 0.75, 1].filter((at) => Math.abs(at - guess) > APART);
  return (
    <div class="gauge" aria-hidden="true">
      {evalScore && <i class="needle" data-mode="eval" style={{ '--at': evalScore.accuracy }} />}
      {trainScore && <i class="needle" data-mode="train" style={{ '--at': trainScore.accuracy }} />}
      <div class="rule">
        {[...ticks, guess].map((at) => (
          <span key={at} style={{ '--at': at }}>
            {at === guess ? 'guess' : `${100 * at}`}
          </span>
        ))}
      </div>
    </div>
  );
}
