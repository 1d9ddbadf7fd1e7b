import '../../../styles/tables.css';
import '../../../styles/pitfall.css';
import { EngineTrouble } from '../../components/EngineTrouble';
import type { LabModel } from '../../state/lab';
import { ScenarioList } from './ScenarioList';
import { ScenarioPage } from './ScenarioPage';

export default function PitfallView({ lab }: { lab: LabModel }) {
  return (
    <div class="bench pitfalls" data-norm="batch">
      <div class="side">
        <ScenarioList lab={lab} />
      </div>
      <div class="stage">
        <EngineTrouble lab={lab} />
        <ScenarioPage lab={lab} />
      </div>
    </div>
  );
}
