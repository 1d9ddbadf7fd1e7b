import { accuracyChart, lossChart } from '../charts/run-charts';
import type { LabModel } from '../state/lab';
import { ChartBox } from './ChartBox';

export function Curves({ lab }: { lab: LabModel }) {
  return (
    <section class="curves" aria-label="Curves">
      <ChartBox lab={lab} chart={lossChart} />
      <ChartBox lab={lab} chart={accuracyChart} />
    </section>
  );
}
