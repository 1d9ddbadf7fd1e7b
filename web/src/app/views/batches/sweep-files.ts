import type { SweepPlan, SweepResult } from '../../../worker/protocol';

const COLUMNS = ['norm', 'batchSize', 'seed', 'lr', 'testError', 'testErrorTrainMode', 'seconds', 'error'];

/** A line a run; a figure that there is none of is empty. */
export function sweepCsv(results: readonly SweepResult[]): string {
  const lines = results.map(({ error, ...run }) => {
    const row: Record<string, unknown> = { ...run, error: error?.message };
    return COLUMNS.map((column) => csvCell(row[column])).join(',');
  });
  return `${[COLUMNS.join(','), ...lines].join('\r\n')}\r\n`;
}

/** https://www.rfc-editor.org/rfc/rfc4180 */
function csvCell(value: unknown): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What was run, as options of `nl.sweep`, and what came of it. */
export function sweepJson({ images, ...plan }: SweepPlan, variant: string, results: readonly SweepResult[]): string {
  return `${JSON.stringify({ settings: { ...plan, limit: images }, variant, runs: results }, null, 2)}\n`;
}
