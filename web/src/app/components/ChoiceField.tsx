import { type Choice, type Config, settings } from '../settings';
import type { Form } from '../state/lab';

type ChoiceName = Exclude<
  { [K in keyof Config]: (typeof settings)[K] extends { kind: 'choice' } ? K : never }[keyof Config],
  'view'
>;

/** Longer labels than these together do not fit beside each other. */
const ROW_CHARACTERS = 34;

/** One of a few values, all of them in sight. */
export function ChoiceField({ lab, name }: { lab: Form; name: ChoiceName }) {
  const { label, help } = settings[name];
  const choices: readonly Choice<Config[ChoiceName]>[] = settings[name].choices;
  const value = lab.config.value[name];
  const chosen = choices.find((choice) => choice.value === value);
  const long = choices.reduce((sum, choice) => sum + choice.label.length, 0) > ROW_CHARACTERS;
  return (
    <fieldset class="field" aria-describedby={`help-${name}`}>
      <legend>{label}</legend>
      <div class={long ? 'segments grid' : 'segments'}>
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
