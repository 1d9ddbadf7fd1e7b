import { useMemo } from 'preact/hooks';
import type { LabModel } from '../../state/lab';
import { armsChart } from './arms-charts';
import { RunCurves } from './RunCurves';

interface Props {
  lab: LabModel;
  /** That of each arm, with commas between. Curves are made with the chart: other arms, or other colours, are another chart. */
  norms: string;
  classes: number;
}

export default function ArmCurves({ lab, norms, classes }: Props) {
  const [loss, accuracy] = useMemo(() => {
    const each = norms.split(',');
    return [armsChart('loss', each, classes), armsChart('accuracy', each, classes)] as const;
  }, [norms, classes]);
  return (
    <>
      <RunCurves lab={lab} chart={loss} />
      <RunCurves lab={lab} chart={accuracy} />
    </>
  );
}
