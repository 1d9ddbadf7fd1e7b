import { useMemo } from 'preact/hooks';
import { lazy } from '../../components/lazy';
import type { LabModel } from '../../state/lab';
import { RunCurves } from './RunCurves';
import { runChart } from './run-charts';

/** Not fetched before there is a second arm. */
const ArmCurves = lazy(() => import('./ArmCurves'));

export function Curves({ lab }: { lab: LabModel }) {
  const norms = lab.arms.value.map(({ config }) => config.value.norm);
  return (
    <section class="curves" aria-label="Curves">
      {norms.length === 1 ? <SingleCurves lab={lab} /> : <ArmCurves lab={lab} norms={norms.join()} />}
    </section>
  );
}

function SingleCurves({ lab }: { lab: LabModel }) {
  const [loss, accuracy] = useMemo(() => [runChart('loss'), runChart('accuracy')] as const, []);
  return (
    <>
      <RunCurves lab={lab} chart={loss} />
      <RunCurves lab={lab} chart={accuracy} />
    </>
  );
}
