import { useMemo } from 'preact/hooks';
import { lazy } from '../../components/lazy';
import type { LabModel } from '../../state/lab';
import { RunCurves } from './RunCurves';
import { runChart } from './run-charts';

/** Not fetched before there is a second arm. */
const ArmCurves = lazy(() => import('./ArmCurves'));

export function Curves({ lab }: { lab: LabModel }) {
  const norms = lab.arms.value.map(({ config }) => config.value.norm);
  const classes = lab.data.value?.classNames.length ?? 10;
  return (
    <section class="curves" aria-label="Curves">
      {norms.length === 1 ? (
        <SingleCurves lab={lab} classes={classes} />
      ) : (
        <ArmCurves lab={lab} norms={norms.join()} classes={classes} />
      )}
    </section>
  );
}

function SingleCurves({ lab, classes }: { lab: LabModel; classes: number }) {
  const [loss, accuracy] = useMemo(
    () => [runChart('loss', classes), runChart('accuracy', classes)] as const,
    [classes],
  );
  return (
    <>
      <RunCurves lab={lab} chart={loss} />
      <RunCurves lab={lab} chart={accuracy} />
    </>
  );
}
