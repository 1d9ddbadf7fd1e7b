import '../../../styles/tables.css';
import '../../../styles/pitfall.css';
import { EngineTrouble } from '../../components/EngineTrouble';
import type { LabModel } from '../../state/lab';
import type { Transport } from '../../views';
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

/** Of the fix: applied by a step, undone by a reset. */
export function transport(lab: LabModel): Transport {
  const fix = (value: boolean) => () => lab.set('pitfallFixed', value);
  return { play: fix(true), pause: () => {}, step: fix(true), reset: fix(false) };
}
