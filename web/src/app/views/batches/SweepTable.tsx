import type { Mode } from '../../../worker/protocol';
import { LineKey } from '../../components/LineKey';
import type { LabModel } from '../../state/lab';
import { FigureTable } from './FigureTable';
import { sweepOf } from './sweep';
import { normLabel } from './sweep-chart';
import { pointsOf, type SweepPoint } from './sweep-figures';

const modes = ['eval', 'train'] as const;

/** The figures of the chart. */
export function SweepTable({ lab }: { lab: LabModel }) {
  const plan = sweepOf(lab).plan.value;
  const points = pointsOf(plan, sweepOf(lab).results.value);
  const rows = plan.norms.flatMap((norm) =>
    modes.map((mode) => ({
      title: `${normLabel(norm)}, ${mode}`,
      sign: (
        <span data-norm={norm}>
          <LineKey mode={mode} />
        </span>
      ),
      cell: (batchSize: number) => {
        const point = points.find((one) => one.norm === norm && one.batchSize === batchSize);
        return point && <Cell point={point} mode={mode} seeds={plan.seeds.length} />;
      },
    })),
  );
  return (
    <section class="layers" aria-labelledby="figures-title">
      <h2 id="figures-title">Test error in %</h2>
      <p class="note">
        The mean over the seeds, and from the best to the worst of them. Eval mode normalizes with the running
        statistics, train mode with those of test batches of the size that was trained with.
      </p>
      <FigureTable label="Figures of the sweep" batchSizes={plan.batchSizes} rows={rows} />
    </section>
  );
}

function Cell({ point, mode, seeds }: { point: SweepPoint; mode: Mode; seeds: number }) {
  const { runs, failed } = point;
  const spread = point[mode];
  const remarks = [
    spread && spread.most > spread.least && `${percent(spread.least)}–${percent(spread.most)}`,
    runs > 0 && runs < seeds && `${runs} of ${seeds} seeds`,
    spread && failed.length > 0 && `${failed.length} failed`,
  ].filter(Boolean);
  return (
    <>
      {spread ? percent(spread.mean) : failed.length > 0 ? 'failed' : '–'}
      {remarks.map((remark) => (
        <small key={remark}> {remark}</small>
      ))}
    </>
  );
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}
