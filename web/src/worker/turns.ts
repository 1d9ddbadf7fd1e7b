import type { Run } from './run';

/** The run whose turn it is: of those with something to do, the one that has seen the fewest images. */
export function nextInTurn(runs: readonly Run[]): Run | null {
  const busy = runs.filter((run) => run.evaluation || run.phase === 'running');
  return busy.reduce<Run | null>((next, run) => (next && next.imagesSeen <= run.imagesSeen ? next : run), null);
}
