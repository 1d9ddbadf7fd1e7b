import { useSignal } from '@preact/signals';
import { ChoiceField } from '../../components/ChoiceField';
import { nearestStop, parse, settings } from '../../settings';
import type { LabModel } from '../../state/lab';

const { stops, ticks, label, min, max } = settings.lensMomentum;

/** The momentum of the running statistics as PyTorch or as Keras writes it: 0.1 and 0.9 are the same. */
export function MomentumField({ lab }: { lab: LabModel }) {
  const { lensMomentum: momentum, lensConvention } = lab.config.value;
  const keras = lensConvention === 'keras';
  const complaint = useSignal('');
  const written = (value: number) => (keras ? turned(value) : value);
  const set = (value: number) => {
    complaint.value = '';
    lab.set('lensMomentum', written(value));
  };
  const commitText = (input: HTMLInputElement) => {
    const { value, problem } = parse({ ...settings.lensMomentum, default: written(momentum) }, input.value);
    set(value as number);
    complaint.value = problem ? `${problem}; ${value} is used.` : '';
    input.value = String(value);
  };
  const scale = stops.map(written).sort((a, b) => a - b);
  const at = nearestStop(scale, written(momentum));
  return (
    <>
      <ChoiceField lab={lab} name="lensConvention" />
      <div class={complaint.value ? 'field invalid' : 'field'}>
        <div class="number-row">
          <label for="field-lensMomentum">{label}</label>
          <input
            id="field-lensMomentum"
            type="number"
            min={min}
            max={max}
            step="any"
            value={String(written(momentum))}
            aria-describedby="help-lensMomentum"
            onChange={(event) => commitText(event.currentTarget)}
          />
        </div>
        <div class="slider">
          <input
            type="range"
            aria-label={`${label} slider`}
            aria-describedby="help-lensMomentum"
            aria-valuetext={String(written(momentum))}
            min={0}
            max={scale.length - 1}
            step={1}
            value={at}
            onInput={(event) => set(scale[event.currentTarget.valueAsNumber] as number)}
          />
          <div class="scale" aria-hidden="true">
            {scale.map((stop, i) => (
              <span key={stop} class="tick" style={{ '--at': i / (scale.length - 1) }}>
                {(ticks as readonly number[]).includes(written(stop)) ? stop : ''}
              </span>
            ))}
          </div>
        </div>
        {complaint.value && (
          <p class="error" role="alert">
            {complaint.value}
          </p>
        )}
        <p class="help" id="help-lensMomentum">
          {keras
            ? `Share of the old running value that is kept; the new batch has the rest. PyTorch writes ${momentum}.`
            : `Share of the newest batch in the running value. Keras writes ${turned(momentum)}.`}{' '}
          <span class="range">0 to 1.</span>
        </p>
      </div>
    </>
  );
}

/** 1 − value, without what binary fractions add. */
function turned(value: number): number {
  return Number((1 - value).toFixed(9));
}
