import type { LabModel } from '../../state/lab';
import { useLive } from '../../state/live';
import { count } from '../../state/status';
import { FigureTable } from './FigureTable';
import { sweepOf } from './sweep';
import { explainValues, varianceError } from './sweep-explain';

/** m: how many values each mean and variance of BatchNorm comes from, which is what decides how well it works. */
export function ValuesPanel({ lab }: { lab: LabModel }) {
  const known = useLive(lab, () => lab.ask('batches', 'values'), []).value;
  const { model, batchSizes } = sweepOf(lab).plan.value;
  if (!known) return null;
  const values = known[model];
  const rows = [
    { title: 'smallest m', cell: (batchSize: number) => count(values.least * batchSize) },
    { title: 'largest m', cell: (batchSize: number) => count(values.most * batchSize) },
    {
      title: 'variance off by, at most',
      cell: (batchSize: number) => `±${Math.round(100 * varianceError(values.least * batchSize))} %`,
    },
  ];
  return (
    <section class="layers" aria-labelledby="values-title">
      <h2 id="values-title">m: the values behind each mean and variance of BatchNorm</h2>
      <p class="note">{explainValues(values, Math.min(...batchSizes))}</p>
      <FigureTable label="Values per statistic" batchSizes={batchSizes} rows={rows} />
    </section>
  );
}
