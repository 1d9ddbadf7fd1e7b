import { useCallback } from 'preact/hooks';
import { ChartBox } from '../../components/ChartBox';
import type { LabModel } from '../../state/lab';
import type { RunChart } from './run-charts';

export function RunCurves({ lab, chart }: { lab: LabModel; chart: RunChart }) {
  const picture = useCallback(() => ({ data: chart.data(lab.arms.peek()) }), [lab, chart]);
  return <ChartBox lab={lab} chart={chart} revision={lab.revision} picture={picture} />;
}
