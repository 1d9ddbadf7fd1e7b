import { useCallback } from 'preact/hooks';
import { ChartBox } from '../../components/ChartBox';
import type { LabModel } from '../../state/lab';
import { accuracyChart, lossChart, type RunChart } from './run-charts';

export function Curves({ lab }: { lab: LabModel }) {
  return (
    <section class="curves" aria-label="Curves">
      <RunCurves lab={lab} chart={lossChart} />
      <RunCurves lab={lab} chart={accuracyChart} />
    </section>
  );
}

function RunCurves({ lab, chart }: { lab: LabModel; chart: RunChart }) {
  const picture = useCallback(() => ({ data: chart.data(lab.history.peek()) }), [lab, chart]);
  return <ChartBox lab={lab} chart={chart} revision={lab.revision} picture={picture} />;
}
