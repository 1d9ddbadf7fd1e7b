import type { Score } from '../../../worker/protocol';

interface Props {
  evalScore: Score | null;
  trainScore: Score | null;
}

/** Both accuracies on one ruled scale, eval above the line and train beneath it. */
export function Gauge({ evalScore, trainScore }: Props) {
  return (
    <div class="gauge" aria-hidden="true">
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
