import '../../../styles/tables.css';
import '../../../styles/batches.css';
import { EngineTrouble } from '../../components/EngineTrouble';
import type { LabModel } from '../../state/lab';
import type { Transport } from '../../views';
import { SweepControls } from './SweepControls';
import { SweepCurves } from './SweepCurves';
import { SweepSettings } from './SweepSettings';
import { SweepTable } from './SweepTable';
import { sweepOf } from './sweep';
import { ValuesPanel } from './ValuesPanel';

export default function BatchesView({ lab }: { lab: LabModel }) {
  return (
    <div class="bench">
      <div class="side">
        <SweepSettings lab={lab} />
      </div>
      <div class="stage">
        <SweepControls lab={lab} />
        <EngineTrouble lab={lab} />
        <SweepCurves lab={lab} />
        <ValuesPanel lab={lab} />
        <SweepTable lab={lab} />
      </div>
    </div>
  );
}

/** Of the sweep: what is paused is cancelled, and resumed by playing. */
export function transport(lab: LabModel): Transport {
  const { resume, cancel, run } = sweepOf(lab);
  return { play: resume, pause: cancel, step: () => {}, reset: run };
}
