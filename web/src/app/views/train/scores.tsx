import type { ModeResult, Score } from '../../../worker/protocol';

/* Accuracies as text. */

export function scoreOf(result: ModeResult<Score> | undefined): Score | null {
  return result && !('failure' in result) ? result : null;
}

/** As it is shown, so that the difference is that of the figures beside it. */
export function percentOf({ accuracy }: Score): number {
  return tenths(100 * accuracy);
}

export function difference(evalScore: Score | null, trainScore: Score | null): number | null {
  return evalScore && trainScore ? tenths(percentOf(trainScore) - percentOf(evalScore)) : null;
}

export function percent(share: number) {
  return (
    <>
      {share.toFixed(1)}
      <small> %</small>
    </>
  );
}

export function signed(points: number): string {
  const sign = points < 0 ? '−' : points > 0 ? '+' : '';
  return `${sign}${Math.abs(points).toFixed(1)}`;
}

function tenths(value: number): number {
  return Math.round(10 * value) / 10;
}
