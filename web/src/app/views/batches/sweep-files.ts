import type { SweepPlan, SweepResult } from '../../../worker/protocol';
import { csv, json } from '../../exports/save';

const COLUMNS = ['norm', 'batchSize', 'seed', 'lr', 'testError', 'testErrorTrainMode', 'seconds', 'error'];

/** A line a run. */
export function sweepCsv(results: readonly SweepResult[]): string {
  return csv(
    COLUMNS,
    results.map(({ error, ...run }) => ({ ...run, error: error?.message })),
  );
}

/** What was run, as options of `nl.sweep`, and what came of it. */
export function sweepJson({ images, ...plan }: SweepPlan, variant: string, results: readonly SweepResult[]): string {
  return json({ settings: { ...plan, limit: images }, variant, runs: results });
}
