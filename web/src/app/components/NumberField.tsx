import '../../styles/number.css';
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { type Config, format, type NumberSetting, nearestStop, parse, settings } from '../settings';
import type { Form } from '../state/lab';

type NumberName = { [K in keyof Config]: (typeof settings)[K] extends { kind: 'number' } ? K : never }[keyof Config];

interface Props {
  lab: Form;
  name: NumberName;
  /** What is wrong with the present value, shown at the control. */
  error?: string | undefined;
  children?: ComponentChildren;
}

/** A number to be typed exactly, with a slider over the usual values beneath. */
export function NumberField({ lab, name, error, children }: Props) {
  const setting: NumberSetting = settings[name];
  const value = lab.config.value[name];
  const dragged = useSignal<number | null>(null);
  const complaint = useSignal('');
  const shown = dragged.value ?? value;

  const commit = (next: number) => {
    dragged.value = null;
    complaint.value = '';
    lab.set(name, next);
  };
  const commitText = (input: HTMLInputElement) => {
    const { value: next, problem } = parse(setting, input.value);
    commit(next as number);
    complaint.value = problem ? `${problem}; ${format(setting, next)} is used.` : '';
    // Where the value is what it was before, nothing is rendered that would replace the rejected text.
    input.value = format(setting, next);
  };
  const message = error || complaint.value;
  return (
    <div class={message ? 'field invalid' : 'field'}>
      <div class="number-row">
        <label for={`field-${name}`}>{setting.label}</label>
        <input
          id={`field-${name}`}
          type="number"
          min={setting.min}
          max={setting.max}
          step={setting.integer ? 1 : 'any'}
          value={format(setting, shown)}
          aria-invalid={message ? true : undefined}
          aria-describedby={message ? `error-${name} help-${name}` : `help-${name}`}
          onChange={(event) => commitText(event.currentTarget)}
        />
        {children}
      </div>
      {setting.stops.length > 0 && (
        <Slider
          setting={setting}
          name={name}
          value={shown}
          onDrag={(next) => {
            dragged.value = next;
            // What is not trained anew for each value may follow the pointer.
            if (setting.effect === 'live' || setting.effect === 'none') commit(next);
          }}
          onCommit={commit}
        />
      )}
      {message && (
        <p class="error" id={`error-${name}`} role="alert">
          {message}
        </p>
      )}
      <p class="help" id={`help-${name}`}>
        {setting.help}{' '}
        <span class="range">
          {setting.min} to {setting.max}.
        </span>
      </p>
    </div>
  );
}

interface SliderProps {
  setting: NumberSetting;
  name: string;
  value: number;
  onDrag: (value: number) => void;
  onCommit: (value: number) => void;
}

function Slider({ setting, name, value, onDrag, onCommit }: SliderProps) {
  const { stops, ticks, label } = setting;
  const last = stops.length - 1;
  const at = (input: HTMLInputElement) => stops[input.valueAsNumber] ?? value;
  return (
    <div class="slider">
      <input
        type="range"
        aria-label={`${label} slider`}
        aria-describedby={`help-${name}`}
        aria-valuetext={format(setting, value)}
        min={0}
        max={last}
        step={1}
        value={nearestStop(stops, value)}
        onInput={(event) => onDrag(at(event.currentTarget))}
        onChange={(event) => onCommit(at(event.currentTarget))}
      />
      <div class="scale" aria-hidden="true">
        {stops.map((stop, i) => (
          <span key={stop} class={ticks.includes(stop) ? 'tick major' : 'tick'} style={{ '--at': i / last }}>
            {ticks.includes(stop) ? shortNumber(stop) : ''}
          </span>
        ))}
      </div>
    </div>
  );
}

/** 0.0001 as 1e-4, which is how rates this small are written in code. */
function shortNumber(value: number): string {
  return value > 0 && value < 0.001 ? value.toExponential() : String(value);
}
