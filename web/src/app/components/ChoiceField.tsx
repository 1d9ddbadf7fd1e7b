import { type Choice, type Config, settings } from '../settings';
import type { LabModel } from '../state/lab';

type ChoiceName = { [K in keyof Config]: (typeof settings)[K] extends { kind: 'choice' } ? K : never }[keyof Config];

interface Props {
  lab: LabModel;
  name: ChoiceName;
  /** In two columns, for longer names. */
  grid?: boolean;
}

/** One of a few values, all of them in sight. */
export function ChoiceField({ lab, name, grid = name === 'model' || name === 'sweepModel' }: Props) {
  const { label, help } = settings[name];
  const choices = settings[name].choices as readonly Choice<Config[ChoiceName]>[];
  const value = lab.config.value[name];
  const chosen = choices.find((choice) => choice.value === value);
  return (
    <fieldset class="field" aria-describedby={`help-${name}`}>
      <legend>{label}</legend>
      <div class={grid ? 'segments grid' : 'segments'}>
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
