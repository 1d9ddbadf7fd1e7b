interface Base<V> {
  label: string;
  /** One line beneath the control. */
  help: string;
  default: V;
  /**
   * What a change does: the training under way starts over, or goes on with the new value; the sweep under way goes on with
   * the runs that it now takes; or nothing is concerned.
   */
  effect: 'restart' | 'live' | 'sweep' | 'none';
  /** Written to the hash even at its default. */
  always: boolean;
  /** Of the element, which sets this where its view is that of the setting. */
  attribute?: string;
}

export interface Choice<V> {
  value: V;
  label: string;
  help?: string;
}

export interface ChoiceSetting<V> extends Base<V> {
  kind: 'choice';
  choices: readonly Choice<V>[];
}

/** Some of a few values, at least one, always in the order of the choices. */
export interface ListSetting<E> extends Base<readonly E[]> {
  kind: 'list';
  choices: readonly Choice<E>[];
}

export interface NumberSetting extends Base<number> {
  kind: 'number';
  min: number;
  max: number;
  integer: boolean;
  /** The values a slider steps through, evenly spaced on it whatever their distance; empty: no slider. */
  stops: readonly number[];
  /** The stops that are written under the slider. */
  ticks: readonly number[];
}

export interface TextSetting extends Base<string> {
  kind: 'text';
  pattern: RegExp;
}

export interface FlagSetting extends Base<boolean> {
  kind: 'flag';
}

/** A value with a grammar of its own. */
export interface CustomSetting<V> extends Base<V> {
  kind: 'custom';
  parse: (text: string) => { value: V; problem?: string };
  format: (value: V) => string;
}

export type Setting =
  | ChoiceSetting<string>
  | ChoiceSetting<number>
  | ListSetting<string>
  | ListSetting<number>
  | NumberSetting
  | TextSetting
  | FlagSetting
  // What it holds is known to its own functions alone.
  // biome-ignore lint/suspicious/noExplicitAny: a parameter of any other type takes no setting's values
  | CustomSetting<any>;

export type Value = string | number | boolean | readonly string[] | readonly number[] | readonly object[];

type SettingFor<V> = [V] extends [readonly (infer E)[]]
  ? [E] extends [object]
    ? CustomSetting<V>
    : ListSetting<E>
  : [V] extends [boolean]
    ? FlagSetting
    : [V] extends [number]
      ? NumberSetting | ChoiceSetting<number>
      : string extends V
        ? TextSetting | ChoiceSetting<string>
        : ChoiceSetting<V>;

/** The table of a configuration: one setting for each of its keys. */
export type Table<C> = { readonly [K in keyof C]: SettingFor<C[K]> };

/** A value as read, and what is to be told about it where it could not be taken as it came. */
export interface Parsed {
  value: Value;
  problem?: string;
}

/** Reads a value from text; what is out of range is brought to the nearest end, what is no value becomes the default. */
export function parse(setting: Setting, text: string): Parsed {
  switch (setting.kind) {
    case 'number':
      return parseNumber(setting, text);
    case 'choice': {
      const choice = (setting.choices as readonly Choice<string | number>[]).find(
        ({ value }) => String(value) === text,
      );
      if (choice) return { value: choice.value };
      const list = setting.choices.map(({ value }) => value).join(', ');
      return { value: setting.default, problem: `${setting.label} "${clip(text)}" is none of ${list}` };
    }
    case 'list':
      return parseList(setting, text);
    case 'text':
      if (setting.pattern.test(text)) return { value: text };
      return { value: setting.default, problem: `${setting.label} "${clip(text)}" is not a valid name` };
    case 'flag':
      if (text === '1' || text === '0') return { value: text === '1' };
      return { value: setting.default, problem: `${setting.label} "${clip(text)}" is neither 0 nor 1` };
    case 'custom':
      return setting.parse(text);
  }
}

function parseNumber(setting: NumberSetting, text: string): Parsed {
  const { label, min, max, integer } = setting;
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isNaN(number)) return { value: setting.default, problem: `${label} "${clip(text)}" is not a number` };
  const ranged = Math.min(max, Math.max(min, integer ? Math.round(number) : number));
  if (ranged === number) return { value: number };
  if (number < min || number > max)
    return { value: ranged, problem: `${label} ${clip(text)} is outside ${min} to ${max}` };
  return { value: ranged, problem: `${label} ${clip(text)} is not a whole number` };
}

/** Takes the values that are known, in the order of the choices. */
function parseList(setting: ListSetting<string> | ListSetting<number>, text: string): Parsed {
  const given = text.split(',');
  const choices = setting.choices as readonly Choice<string | number>[];
  const value = choices.map((choice) => choice.value).filter((one) => given.includes(String(one)));
  const known = choices.map((choice) => String(choice.value));
  const stranger = given.find((one) => !known.includes(one));
  return {
    value: (value.length > 0 ? value : setting.default) as Value,
    ...(stranger !== undefined && {
      problem: `${setting.label} "${clip(stranger)}" is none of ${known.join(', ')}`,
    }),
  };
}

/** As it stands in the hash; equal texts are equal values. */
export function format(setting: Setting, value: Value): string {
  if (setting.kind === 'custom') return setting.format(value);
  return setting.kind === 'flag' ? (value ? '1' : '0') : String(value);
}

/** Position on the slider of the stop nearest to a value, by its order among the stops. */
export function nearestStop(stops: readonly number[], value: number): number {
  let best = 0;
  for (let i = 1; i < stops.length; i++) {
    if (Math.abs((stops[i] as number) - value) < Math.abs((stops[best] as number) - value)) best = i;
  }
  return best;
}

/** Removes what binary fractions add, as in 7 × 0.0001 = 0.0007000000000000001. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}

export function clip(text: string): string {
  return text.length > 24 ? `${text.slice(0, 24)}…` : text;
}
