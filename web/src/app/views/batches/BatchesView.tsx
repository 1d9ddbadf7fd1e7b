import '../../../styles/tables.css';
import '../../../styles/batches.css';
import { EngineTrouble } from '../../components/EngineTrouble';
import type { LabModel } from '../../state/lab';
import { SweepControls } from './SweepControls';
import { SweepCurves } from './SweepCurves';
import { SweepSettings } from './SweepSettings';
import { SweepTable } from './SweepTable';
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
