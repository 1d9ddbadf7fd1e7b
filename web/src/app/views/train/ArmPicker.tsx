import { lazy } from '../../components/lazy';
import { armName } from '../../settings/arms';
import { chosenArm, MOST_ARMS } from '../../state/arms';
import type { LabModel } from '../../state/lab';

/** Not fetched before there is a second arm. */
const ArmChoice = lazy(() => import('./ArmChoice'));

/** How many runs there are beside each other, and which of them the settings beneath are about. */
export function ArmPicker({ lab }: { lab: LabModel }) {
  const arms = lab.arms.value;
  const chosen = chosenArm(lab.config.value);
  return (
    <section class="arm-section">
      {arms.length > 1 && <ArmChoice lab={lab} />}
      <div class="arm-keys">
        <button
          type="button"
          class="quiet"
          aria-disabled={arms.length === MOST_ARMS}
          aria-describedby="help-add-arm"
          onClick={() => lab.addArm()}
        >
          Add arm
        </button>
        {arms.length > 1 && (
          <button type="button" class="quiet" onClick={() => lab.removeArm()}>
            Remove arm {armName(chosen)}
          </button>
        )}
        <span class="help" id="help-add-arm">
          {arms.length === MOST_ARMS ? 'Four are the most.' : 'A second run beside this one, to compare.'}
        </span>
      </div>
    </section>
  );
}
