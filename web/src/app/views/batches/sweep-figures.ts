import type { Failure, Mode, NormName, SweepPlan, SweepResult } from '../../../worker/protocol';

/** Over the seeds; errors are shares, 0 to 1. */
export interface Spread {
  mean: number;
  least: number;
  most: number;
}

/** What the runs of one norm and batch size came to. */
export interface SweepPoint {
  norm: NormName;
  batchSize: number;
  /** Finished runs, failed ones included. */
  runs: number;
  /** null where no run gave a figure. */
  eval: Spread | null;
  train: Spread | null;
  failed: readonly SweepResult[];
}

/** A point for each norm and batch size of the plan, norms outermost, whether it has runs or not. */
export function pointsOf({ norms, batchSizes }: SweepPlan, results: readonly SweepResult[]): SweepPoint[] {
  return norms.flatMap((norm) =>
    batchSizes.map((batchSize) => {
      const here = results.filter((run) => run.norm === norm && run.batchSize === batchSize);
      return {
        norm,
        batchSize,
        runs: here.length,
        eval: spreadOf(here.map((run) => errorOf(run, 'eval'))),
        train: spreadOf(here.map((run) => errorOf(run, 'train'))),
        failed: here.filter(({ error }) => error),
      };
    }),
  );
}

/** Runs of one norm that failed with the same words. */
export interface SweepFailure {
  norm: string | null;
  failure: Failure;
  batchSizes: number[];
  runs: number;
}

export function failuresOf(results: readonly SweepResult[]): SweepFailure[] {
  const failures: SweepFailure[] = [];
  for (const { norm, batchSize, error } of results) {
    if (!error) continue;
    const known = failures.find((one) => one.norm === norm && one.failure.message === error.message);
    if (!known) {
      failures.push({ norm, failure: { name: 'NormlabError', ...error }, batchSizes: [batchSize], runs: 1 });
      continue;
    }
    known.runs++;
    if (!known.batchSizes.includes(batchSize)) known.batchSizes.push(batchSize);
  }
  return failures;
}

function errorOf({ testError, testErrorTrainMode }: SweepResult, mode: Mode): number | null {
  return mode === 'eval' ? testError : testErrorTrainMode;
}

function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return { mean, least: Math.min(...known), most: Math.max(...known) };
}
