import { type Choice, type Config, settings } from '../settings';
import type { LabModel } from '../state/lab';

type ChoiceName = 'groups' | 'placement' | 'model' | 'sweepModel' | 'sweepSeeds';

/** One of a few values, all of them in sight. */
export function ChoiceField({ lab, name }: { lab: LabModel; name: ChoiceName }) {
  const { label, help } = settings[name];
  const choices: readonly Choice<Config[ChoiceName]>[] = settings[name].choices;
  const value = lab.config.value[name];
  const chosen = choices.find((choice) => choice.value === value);
  return (
    <fieldset class="field" aria-describedby={`help-${name}`}>
      <legend>{label}</legend>
      <div class={name === 'model' || name === 'sweepModel' ? 'segments grid' : 'segments'}>
        {choices.map((choice) => (
          <label key={choice.value} class="segment">
            <input
              type="radio"
              name={name}
              value={String(choice.value)}
              checked={choice.value === value}
              onChange={() => lab.set(name, choice.value)}
            />
            <span>{choice.label}</span>
          </label>
        ))}
      </div>
      {chosen?.help && <p class="chosen">{chosen.help}</p>}
      <p class="help" id={`help-${name}`}>
        {help}
      </p>
    </fieldset>
  );
}
