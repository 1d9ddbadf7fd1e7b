import '../../styles/flag.css';
import { type Config, settings } from '../settings';
import type { Form } from '../state/lab';

type FlagName = { [K in keyof Config]: (typeof settings)[K] extends { kind: 'flag' } ? K : never }[keyof Config];

export function FlagField({ lab, name }: { lab: Form; name: FlagName }) {
  const { label, help } = settings[name];
  return (
    <div class="flag">
      <label>
        <input
          type="checkbox"
          checked={lab.config.value[name]}
          aria-describedby={`help-${name}`}
          onChange={(event) => lab.set(name, event.currentTarget.checked)}
        />
        {label}
      </label>
      <p class="help" id={`help-${name}`}>
        {help}
      </p>
    </div>
  );
}
