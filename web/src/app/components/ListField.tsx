import '../../styles/list.css';
import { useSignal } from '@preact/signals';
import { type Choice, type Config, settings } from '../settings';
import type { LabModel } from '../state/lab';

type ListName = { [K in keyof Config]: (typeof settings)[K] extends { kind: 'list' } ? K : never }[keyof Config];

/** Some of a few values. The last one that is chosen stays chosen. */
export function ListField({ lab, name }: { lab: LabModel; name: ListName }) {
  const { label, help } = settings[name];
  const choices: readonly Choice<string | number>[] = settings[name].choices;
  const chosen: readonly (string | number)[] = lab.config.value[name];
  const complaint = useSignal('');
  const toggle = (input: HTMLInputElement, value: string | number) => {
    const next = choices.map((choice) => choice.value).filter((one) => chosen.includes(one) !== (one === value));
    complaint.value = next.length === 0 ? `${label}: at least one is needed.` : '';
    if (next.length === 0) input.checked = true;
    else lab.set(name, next as unknown as Config[ListName]);
  };
  return (
    <fieldset class="field" aria-describedby={`help-${name}`}>
      <legend>{label}</legend>
      <div class={name === 'sweepNorms' ? 'segments grid' : 'segments grid thirds'}>
        {choices.map(({ value, label: title }) => (
          <label key={value} class="segment tickable" data-norm={name === 'sweepNorms' ? value : undefined}>
            <input
              type="checkbox"
              name={name}
              value={String(value)}
              checked={chosen.includes(value)}
              onChange={(event) => toggle(event.currentTarget, value)}
            />
            <span>{title}</span>
          </label>
        ))}
      </div>
      {complaint.value && (
        <p class="error" role="alert">
          {complaint.value}
        </p>
      )}
      <p class="help" id={`help-${name}`}>
        {help}
      </p>
    </fieldset>
  );
}
