import { EngineTrouble } from '../../components/EngineTrouble';
import { lazy } from '../../components/lazy';
import { NormPicker } from '../../components/NormPicker';
import type { LabModel } from '../../state/lab';
import type { Transport } from '../../views';
import { ArmPicker } from './ArmPicker';
import { Curves } from './Curves';
import { Experiments } from './Experiments';
import { Readout } from './Readout';
import { RunControls } from './RunControls';
import { RunSettings } from './RunSettings';
import { TrainMore } from './TrainMore';

/** Not fetched before there is a second arm. */
const Scoreboard = lazy(() => import('./Scoreboard'));

export default function TrainView({ lab }: { lab: LabModel }) {
  const engine = lab.engine.value;
  return (
    <div class="bench" data-norm={lab.form.config.value.norm}>
      <div class="side">
        <ArmPicker lab={lab} />
        <NormPicker lab={lab} />
        <RunSettings lab={lab} />
      </div>
      <div class="stage">
        <RunControls lab={lab} />
        <EngineTrouble lab={lab} />
        {engine.phase === 'ready' && engine.note && <p class="note">{engine.note}</p>}
        {lab.arms.value.length > 1 ? <Scoreboard lab={lab} /> : <Readout lab={lab} />}
        <Curves lab={lab} />
        <TrainMore lab={lab} />
      </div>
      <Experiments lab={lab} />
    </div>
  );
}

export const transport = ({ play, pause, step, reset }: LabModel): Transport => ({ play, pause, step, reset });
