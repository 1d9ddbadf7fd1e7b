import type { LabModel } from '../state/lab';
import { count } from '../state/status';
import { explainValues, varianceError } from '../state/sweep-explain';
import { FigureTable } from './FigureTable';

/** m: how many values each mean and variance of BatchNorm comes from, which is what decides how well it works. */
export function ValuesPanel({ lab }: { lab: LabModel }) {
  const engine = lab.engine.value;
  const { model, batchSizes } = lab.sweep.plan.value;
  if (engine.phase !== 'ready') return null;
  const values = engine.batchNormValues[model];
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
