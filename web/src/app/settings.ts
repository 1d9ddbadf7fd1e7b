import { presets } from 'normlab';
import { type NormName, type RunConfig, SWEEP_MODELS, type SweepPlan } from '../worker/protocol';
import { firstView, type ViewId, views } from './views';

/** The whole state of the page that a link carries. */
export interface Config extends RunConfig {
  view: ViewId;
  /** Key of the layer whose statistics are shown; empty: the first normalization layer. */
  layer: string;
  /** Which set of test images the grid shows. */
  images: number;
  sweepModel: SweepPlan['model'];
  sweepNorms: readonly NormName[];
  sweepBatches: readonly number[];
  sweepSeeds: number;
  sweepImages: number;
  sweepEpochs: number;
  /** The published figures stand beside the sweep's. */
  sweepPaper: boolean;
  /** Without header and footer, for an iframe. */
  embed: boolean;
}

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

export type Setting =
  | ChoiceSetting<string>
  | ChoiceSetting<number>
  | ListSetting<NormName>
  | ListSetting<number>
  | NumberSetting
  | TextSetting
  | FlagSetting;

type SettingFor<V> = [V] extends [readonly (infer E)[]]
  ? ListSetting<E>
  : [V] extends [boolean]
    ? FlagSetting
    : [V] extends [number]
      ? NumberSetting | ChoiceSetting<number>
      : string extends V
        ? TextSetting | ChoiceSetting<string>
        : ChoiceSetting<V>;

/** Test images in the grid, and how many sets of them the 2,000 make. */
export const GRID_IMAGES = 24;
const GRID_SETS = 83;

const INPUT_VALUES = 28 * 28;

/** The presets that take the images this page trains on. */
const models = Object.entries(presets)
  .filter(([, preset]) => preset.input.reduce((product, size) => product * size, 1) === INPUT_VALUES)
  .map(([value, { title, description }]) => ({ value, label: title, help: description }));

const sweepModels = SWEEP_MODELS.map((value) => ({
  value,
  label: presets[value]?.title ?? value,
  help: presets[value]?.description ?? '',
}));

const norms = [
  { value: 'batch', label: 'BatchNorm', help: 'one channel, over all images of the batch' },
  { value: 'layer', label: 'LayerNorm', help: 'one image, over all its channels' },
  { value: 'group', label: 'GroupNorm', help: 'one image, over a group of channels' },
  { value: 'instance', label: 'InstanceNorm', help: 'one image, each channel on its own' },
  { value: 'rms', label: 'RMSNorm', help: 'as LayerNorm, but the mean stays' },
  { value: 'none', label: 'None', help: 'values pass as they are' },
] as const;

/** Every setting of the page: controls, hash and tests are driven by this table alone. The order is the hash's. */
export const settings = {
  view: {
    kind: 'choice',
    label: 'View',
    help: 'The tab that is open.',
    choices: views.map(({ id, label }) => ({ value: id, label })),
    default: firstView,
    effect: 'none',
    always: true,
  },
  norm: {
    kind: 'choice',
    label: 'Normalization',
    help: 'Which values are normalized together.',
    choices: norms,
    default: 'batch',
    effect: 'restart',
    always: true,
  },
  groups: {
    kind: 'choice',
    label: 'Groups',
    help: 'Channels are split into this many groups, each with its own mean and variance.',
    choices: [1, 2, 4, 8, 16].map((value) => ({ value, label: String(value) })),
    default: 8,
    effect: 'restart',
    always: false,
  },
  placement: {
    kind: 'choice',
    label: 'Placement',
    help: 'Where the normalization stands next to the ReLU.',
    choices: [
      { value: 'before', label: 'before activation' },
      { value: 'after', label: 'after activation' },
    ],
    default: 'before',
    effect: 'restart',
    always: true,
  },
  model: {
    kind: 'choice',
    label: 'Network',
    help: 'A convolution keeps many values per channel even for one image; a linear layer keeps one.',
    choices: models,
    default: 'smallcnn',
    effect: 'restart',
    always: true,
  },
  batch: {
    kind: 'number',
    label: 'Batch size',
    help: 'Images per step. In train mode BatchNorm takes its mean and variance from these alone.',
    min: 1,
    max: 256,
    integer: true,
    stops: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256],
    ticks: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    default: 32,
    effect: 'restart',
    always: true,
  },
  lr: {
    kind: 'number',
    label: 'Learning rate',
    help: 'How far each step moves the weights. Takes effect at once, also while training.',
    min: 1e-4,
    max: 1,
    integer: false,
    stops: [1e-4, 1e-3, 1e-2, 1e-1].flatMap((decade) => [1, 1.5, 2, 3, 5, 7].map((m) => round(m * decade))).concat(1),
    ticks: [1e-4, 1e-3, 1e-2, 1e-1, 1],
    default: 0.02,
    effect: 'live',
    always: true,
  },
  momentum: {
    kind: 'number',
    label: 'SGD momentum',
    help: 'Share of the last update that is kept in the next. Not the momentum of BatchNorm, which stays at 0.1.',
    min: 0,
    max: 0.99,
    integer: false,
    stops: [0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99],
    ticks: [0, 0.5, 0.9, 0.99],
    default: 0.9,
    effect: 'restart',
    always: false,
  },
  decay: {
    kind: 'number',
    label: 'Weight decay',
    help: 'Pulls every weight towards zero by this share of itself, times the learning rate.',
    min: 0,
    max: 0.1,
    integer: false,
    stops: [0, 1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 0.1],
    ticks: [0, 1e-4, 1e-3, 1e-2, 0.1],
    default: 0,
    effect: 'restart',
    always: false,
  },
  seed: {
    kind: 'number',
    label: 'Seed',
    help: 'Draws the first weights and the order of the images. The same seed gives the same run.',
    min: 0,
    max: 999_999,
    integer: true,
    stops: [],
    ticks: [],
    default: 1,
    effect: 'restart',
    always: true,
  },
  layer: {
    kind: 'text',
    label: 'Layer',
    help: 'The normalization layer whose statistics are shown.',
    pattern: /^[\w.-]{0,64}$/,
    default: '',
    effect: 'none',
    always: false,
  },
  images: {
    kind: 'number',
    label: 'Image set',
    help: `Which ${GRID_IMAGES} test images are shown.`,
    min: 0,
    max: GRID_SETS - 1,
    integer: true,
    stops: [],
    ticks: [],
    default: 0,
    effect: 'none',
    always: false,
  },
  sweepModel: {
    kind: 'choice',
    label: 'Network',
    help: 'Which network is trained, anew for each run.',
    choices: sweepModels,
    default: 'mlp',
    effect: 'sweep',
    always: false,
  },
  sweepNorms: {
    kind: 'list',
    label: 'Normalizations',
    help: 'Each is a line of the chart. GroupNorm has 8 groups.',
    choices: norms,
    default: ['batch', 'layer', 'group'],
    effect: 'sweep',
    always: false,
  },
  sweepBatches: {
    kind: 'list',
    label: 'Batch sizes',
    help: 'Images per step. The learning rate grows with them, 0.02 · batch size / 32, and falls to 0 during a run.',
    choices: [2, 4, 8, 16, 32, 64].map((value) => ({ value, label: String(value) })),
    default: [2, 4, 8, 16, 32, 64],
    effect: 'sweep',
    always: false,
  },
  sweepSeeds: {
    kind: 'choice',
    label: 'Seeds',
    help: 'Runs of each point, from other first weights: the line is their mean, the band reaches from best to worst.',
    choices: [1, 2, 3, 4].map((value) => ({ value, label: String(value) })),
    default: 2,
    effect: 'sweep',
    always: false,
  },
  sweepImages: {
    kind: 'number',
    label: 'Training images',
    help: 'How many of the 10,000 each run sees in an epoch. The error is always that on all 2,000 test images.',
    min: 1000,
    max: 10_000,
    integer: true,
    stops: [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000],
    ticks: [1000, 4000, 7000, 10_000],
    default: 3000,
    effect: 'sweep',
    always: false,
  },
  sweepEpochs: {
    kind: 'number',
    label: 'Epochs',
    help: 'How often each run sees its images.',
    min: 1,
    max: 10,
    integer: true,
    stops: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    ticks: [1, 2, 4, 6, 8, 10],
    default: 2,
    effect: 'sweep',
    always: false,
  },
  sweepPaper: {
    kind: 'flag',
    label: 'Published figures',
    help: 'ResNet-50 on ImageNet, from Wu & He, Group Normalization (arXiv 1803.08494): theirs, not measured here.',
    default: false,
    effect: 'none',
    always: false,
  },
  embed: {
    kind: 'flag',
    label: 'Embedded',
    help: 'Hides header and footer, for an iframe.',
    default: false,
    effect: 'none',
    always: false,
  },
} as const satisfies { [K in keyof Config]: SettingFor<Config[K]> };

export const settingKeys = Object.keys(settings) as (keyof Config)[];

export const defaults = Object.fromEntries(
  settingKeys.map((key) => [key, settings[key].default]),
) as unknown as Readonly<Config>;

/** A value as read, and what is to be told about it where it could not be taken as it came. */
export interface Parsed {
  value: Config[keyof Config];
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
function parseList(setting: ListSetting<NormName> | ListSetting<number>, text: string): Parsed {
  const given = text.split(',');
  const choices = setting.choices as readonly Choice<string | number>[];
  const value = choices.map((choice) => choice.value).filter((one) => given.includes(String(one)));
  const known = choices.map((choice) => String(choice.value));
  const stranger = given.find((one) => !known.includes(one));
  return {
    value: (value.length > 0 ? value : setting.default) as Parsed['value'],
    ...(stranger !== undefined && {
      problem: `${setting.label} "${clip(stranger)}" is none of ${known.join(', ')}`,
    }),
  };
}

/** As it stands in the hash; equal texts are equal values. */
export function format(setting: Setting, value: Config[keyof Config]): string {
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
function round(value: number): number {
  return Number(value.toPrecision(3));
}

function clip(text: string): string {
  return text.length > 24 ? `${text.slice(0, 24)}…` : text;
}
