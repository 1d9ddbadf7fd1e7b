import '../../../styles/shape.css';
import { useSignal } from '@preact/signals';
import { parse, settings } from '../../settings';
import type { LabModel } from '../../state/lab';
import { shapeOf } from './lens';

const names = ['lensN', 'lensC', 'lensH', 'lensW'] as const;

/** N, C, H and W in a row. */
export function ShapeFields({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const complaint = useSignal('');
  const commit = (name: (typeof names)[number], input: HTMLInputElement) => {
    const { value, problem } = parse(settings[name], input.value);
    complaint.value = problem ? `${problem}; ${value} is used.` : '';
    lab.set(name, value as number);
    input.value = String(value);
  };
  const given = names.map((name) => config[name]);
  const taken = shapeOf(config);
  const tooMany =
    taken.join() !== given.join() &&
    `${given.join(' × ')} are more cells than can be told apart: ${taken.join(' × ')} are shown.`;
  return (
    <fieldset class="field shape" aria-describedby="help-shape">
      <legend>Shape</legend>
      <div class="shape-row">
        {names.map((name) => (
          <label key={name}>
            {settings[name].label}
            <input
              type="number"
              min={settings[name].min}
              max={settings[name].max}
              step={1}
              value={config[name]}
              title={settings[name].help}
              onChange={(event) => commit(name, event.currentTarget)}
            />
          </label>
        ))}
      </div>
      {(complaint.value || tooMany) && (
        <p class="error" role="alert">
          {complaint.value || tooMany}
        </p>
      )}
      <p class="help" id="help-shape">
        N images (1 to {settings.lensN.max}), C channels (1 to {settings.lensC.max}), each of H × W positions (1 to{' '}
        {settings.lensH.max}).
      </p>
    </fieldset>
  );
}
