import '../../../styles/arms.css';
import { settings } from '../../settings';
import { ARM_KEYS, armName } from '../../settings/arms';
import { armTitles } from '../../state/arm-titles';
import { chosenArm } from '../../state/arms';
import type { LabModel } from '../../state/lab';
import { ArmBadge } from './ArmBadge';

/** The arms, one of them chosen. */
export default function ArmChoice({ lab }: { lab: LabModel }) {
  const chosen = chosenArm(lab.config.value);
  return (
    <>
      <fieldset class="arm-picker" aria-describedby="help-arms">
        <legend>Arms</legend>
        <p class="help" id="help-arms">
          They share first weights, images and their order. Choose whose settings stand beneath; what arm A has, all
          have that have nothing else.
        </p>
        {armTitles(lab.config.value).map((title, i) => {
          const arm = lab.arms.value[i];
          return (
            <label key={armName(i)} class="arm-card" data-norm={arm?.config.value.norm}>
              <input
                type="radio"
                name="arm"
                aria-label={`Arm ${armName(i)}: ${title}`}
                checked={i === chosen}
                onChange={() => lab.chooseArm(i)}
              />
              {arm && <ArmBadge lab={lab} arm={arm} />}
              <span class="arm-title">{title}</span>
            </label>
          );
        })}
      </fieldset>
      <OwnSettings lab={lab} />
    </>
  );
}

/** What the chosen arm has of its own, with the way back to what arm A has. */
function OwnSettings({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const index = chosenArm(config);
  const change = config.arms[index - 1];
  if (!change) return null;
  const keys = ARM_KEYS.filter((key) => change[key] !== undefined);
  return (
    <div class="own-settings">
      <span class="help">{keys.length > 0 ? `Arm ${armName(index)} has its own:` : 'All as in arm A.'}</span>
      {keys.map((key) => (
        <button
          key={key}
          type="button"
          class="quiet"
          aria-label={`${settings[key].label} as in arm A`}
          onClick={() => lab.form.set(key, config[key])}
        >
          {settings[key].label} <span aria-hidden="true">×</span>
        </button>
      ))}
    </div>
  );
}
