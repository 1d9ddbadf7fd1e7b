import { useCallback, useMemo } from 'preact/hooks';
import { ChartBox } from '../../components/ChartBox';
import type { LabModel } from '../../state/lab';
import { armsChart, type RunChart, runChart } from './run-charts';

export function Curves({ lab }: { lab: LabModel }) {
  const norms = lab.arms.value.map(({ config }) => config.value.norm);
  // Curves are made with the chart: another number of arms, or other colours, are another chart.
  const key = norms.length === 1 ? '' : norms.join();
  const [loss, accuracy] = useMemo(
    () => (['loss', 'accuracy'] as const).map((figure) => (key ? armsChart(figure, key.split(',')) : runChart(figure))),
    [key],
  ) as [RunChart, RunChart];
  return (
    <section class="curves" aria-label="Curves">
      <RunCurves lab={lab} chart={loss} />
      <RunCurves lab={lab} chart={accuracy} />
    </section>
  );
}

function RunCurves({ lab, chart }: { lab: LabModel; chart: RunChart }) {
  const picture = useCallback(() => ({ data: chart.data(lab.arms.peek()) }), [lab, chart]);
  return <ChartBox lab={lab} chart={chart} revision={lab.revision} picture={picture} />;
}
