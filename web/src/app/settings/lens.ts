import type { LensInput, LensLayer, LensQuestion, Upstream } from '../../worker/lens-input';
import type { Mode } from '../../worker/protocol';
import { norms } from './norms';
import { round, type Table } from './schema';

/** One layer under the microscope: what it is, what goes through it, what is looked at. */
export interface LensConfig {
  lensNorm: LensLayer['norm'];
  lensMode: Mode;
  lensGroups: number;
  lensEps: number;
  lensGamma: number;
  lensBeta: number;
  /** γ and β are not the same in each channel. */
  lensRamp: boolean;
  lensSource: LensInput['source'];
  lensN: number;
  lensC: number;
  lensH: number;
  lensW: number;
  lensMean: number;
  lensScale: number;
  lensSpread: number;
  lensAlike: number;
  lensOutlier: number;
  lensSeed: number;
  /** n,c,h,w of the cell that is looked at; empty: one in the middle. */
  lensCell: string;
  lensUpstream: Upstream;
  /** Batches that the layer has seen before the one that is shown. */
  lensAt: number;
  lensDrift: number;
  /** As PyTorch has it, whatever `lensConvention` shows. */
  lensMomentum: number;
  lensConvention: 'torch' | 'keras';
  lensRunningVar: LensQuestion['runningVar'];
  /** Mean of the data whose variance is taken in three ways. */
  lensFar: number;
}

/** How many batches can be streamed; the figure has room for as many. */
export const MOST_BATCHES = 200;

const steps = (from: number, to: number, by: number) =>
  Array.from({ length: Math.round((to - from) / by) + 1 }, (_, i) => round(from + i * by));
const decades = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => Number(`1e${from + i}`));

const quiet = { effect: 'none', always: false } as const;

export const lensSettings = {
  lensNorm: {
    attribute: 'norm',
    kind: 'choice',
    label: 'Layer',
    help: 'Which cells share a mean and a variance.',
    choices: norms.filter((norm) => norm.value !== 'none'),
    default: 'batch',
    ...quiet,
  },
  lensMode: {
    kind: 'choice',
    label: 'Mode',
    help: 'Train mode normalizes with the statistics of this batch, eval mode with those it has kept. Only BatchNorm keeps any.',
    choices: [
      { value: 'train', label: 'train' },
      { value: 'eval', label: 'eval' },
    ],
    default: 'train',
    ...quiet,
  },
  lensGroups: {
    attribute: 'groups',
    kind: 'number',
    label: 'Groups of channels',
    help: 'GroupNorm splits the channels into this many groups of equal size.',
    min: 1,
    max: 16,
    integer: true,
    stops: [1, 2, 3, 4, 6, 8, 12, 16],
    ticks: [1, 2, 3, 4, 6, 8, 12, 16],
    default: 2,
    ...quiet,
  },
  lensEps: {
    kind: 'number',
    label: 'ε',
    help: 'Added to the variance, so that nothing is divided by zero. It also takes away from the output where the variance is small.',
    min: 1e-12,
    max: 10,
    integer: false,
    stops: decades(-12, 1),
    ticks: [1e-12, 1e-9, 1e-5, 1e-2, 10],
    default: 1e-5,
    ...quiet,
  },
  lensGamma: {
    kind: 'number',
    label: 'γ (weight)',
    help: 'The normalized value is multiplied by it. A network learns one for each channel.',
    min: -3,
    max: 3,
    integer: false,
    stops: steps(-3, 3, 0.25),
    ticks: [-3, -2, -1, 0, 1, 2, 3],
    default: 1,
    ...quiet,
  },
  lensBeta: {
    kind: 'number',
    label: 'β (bias)',
    help: 'Added at the end. RMSNorm has none.',
    min: -3,
    max: 3,
    integer: false,
    stops: steps(-3, 3, 0.25),
    ticks: [-3, -2, -1, 0, 1, 2, 3],
    default: 0,
    ...quiet,
  },
  lensRamp: {
    kind: 'flag',
    label: 'γ and β rise from channel to channel',
    help: 'From half of γ to one and a half of it, and from β − 1 to β + 1.',
    default: false,
    ...quiet,
  },
  lensSource: {
    kind: 'choice',
    label: 'Input',
    help: 'Random numbers; or test images of Fashion-MNIST behind a 3×3 convolution with fresh weights, shrunk to H × W.',
    choices: [
      { value: 'drawn', label: 'random' },
      { value: 'images', label: 'real images' },
    ],
    default: 'drawn',
    ...quiet,
  },
  lensN: size('N', 'Images of the batch.', 8, 4),
  lensC: size('C', 'Channels of an image.', 16, 6),
  lensH: size('H', 'Rows of a channel.', 8, 4),
  lensW: size('W', 'Columns of a channel.', 8, 4),
  lensMean: {
    kind: 'number',
    label: 'Mean of the input',
    help: 'Added to every cell.',
    min: -100,
    max: 100,
    integer: false,
    stops: [-100, -30, -10, -5, -3, -2, -1, 0, 1, 2, 3, 5, 10, 30, 100],
    ticks: [-100, -10, -2, 0, 2, 10, 100],
    default: 1,
    ...quiet,
  },
  lensScale: {
    kind: 'number',
    label: 'Scale of the input',
    help: 'Standard deviation of the cells of a channel.',
    min: 0,
    max: 100,
    integer: false,
    stops: [0, 0.001, 0.01, 0.03, 0.1, 0.3, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 100],
    ticks: [0, 0.01, 0.1, 1, 3, 10, 100],
    default: 1,
    ...quiet,
  },
  lensSpread: {
    kind: 'number',
    label: 'Channels differ',
    help: 'How far the means of the channels are apart, in units of the scale.',
    min: 0,
    max: 5,
    integer: false,
    stops: steps(0, 5, 0.25),
    ticks: [0, 1, 2, 3, 4, 5],
    default: 1,
    ...quiet,
  },
  lensAlike: {
    kind: 'number',
    label: 'Images alike',
    help: 'Correlation between the images of a batch, as when they are of one class or one video: at 1 they are the same image.',
    min: 0,
    max: 1,
    integer: false,
    stops: steps(0, 1, 0.05),
    ticks: [0, 0.25, 0.5, 0.75, 1],
    default: 0,
    ...quiet,
  },
  lensOutlier: {
    kind: 'number',
    label: 'Outlier',
    help: 'So many scales are added to one cell of the first image. At 0 there is none.',
    min: -1000,
    max: 1000,
    integer: false,
    stops: [-1000, -300, -100, -30, -10, -5, 0, 5, 10, 30, 100, 300, 1000],
    ticks: [-1000, -30, 0, 30, 1000],
    default: 0,
    ...quiet,
  },
  lensSeed: {
    attribute: 'seed',
    kind: 'number',
    label: 'Seed of the input',
    help: 'The same seed draws the same numbers, or the same weights of the convolution.',
    min: 0,
    max: 999_999,
    integer: true,
    stops: [],
    ticks: [],
    default: 1,
    ...quiet,
  },
  lensCell: {
    kind: 'text',
    label: 'Cell',
    help: 'The cell that is looked at: n, c, h, w.',
    pattern: /^(\d{1,2}(,\d{1,2}){3})?$/,
    default: '',
    ...quiet,
  },
  lensUpstream: {
    kind: 'choice',
    label: 'Upstream gradient dy',
    help: 'What the layers behind send back.',
    choices: [
      { value: 'random', label: 'random' },
      { value: 'ones', label: 'ones' },
      { value: 'cell', label: '1 at the cell' },
      { value: 'normalized', label: 'x̂ itself' },
    ],
    default: 'random',
    ...quiet,
  },
  lensAt: {
    kind: 'number',
    label: 'Batches seen',
    help: 'How many batches have gone through the layer in train mode before the one that is shown.',
    min: 0,
    max: MOST_BATCHES,
    integer: true,
    stops: [0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, MOST_BATCHES],
    ticks: [0, 1, 3, 10, 30, 100, MOST_BATCHES],
    default: 0,
    ...quiet,
  },
  lensDrift: {
    kind: 'number',
    label: 'Drift',
    help: 'How far the mean of the input moves from batch to batch, as it does when the layers before are trained.',
    min: -0.5,
    max: 0.5,
    integer: false,
    stops: steps(-0.5, 0.5, 0.05),
    ticks: [-0.5, -0.25, 0, 0.25, 0.5],
    default: 0,
    ...quiet,
  },
  lensMomentum: {
    kind: 'number',
    label: 'Momentum',
    help: 'Weight of the newest batch in the running statistics, as PyTorch counts it.',
    min: 0,
    max: 1,
    integer: false,
    stops: [0, 0.001, 0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1],
    ticks: [0, 0.01, 0.1, 0.5, 1],
    default: 0.1,
    ...quiet,
  },
  lensConvention: {
    kind: 'choice',
    label: 'Momentum as in',
    help: "PyTorch's momentum is the share of the new batch, that of Keras the share of the old value: 0.1 there is 0.9 here.",
    choices: [
      { value: 'torch', label: 'PyTorch' },
      { value: 'keras', label: 'Keras' },
    ],
    default: 'torch',
    ...quiet,
  },
  lensRunningVar: {
    kind: 'choice',
    label: 'Variance that is kept',
    help: 'PyTorch divides by m − 1 for the running variance, and by m to normalize. Keras divides by m in both.',
    choices: [
      { value: 'unbiased', label: 'm − 1' },
      { value: 'biased', label: 'm' },
    ],
    default: 'unbiased',
    ...quiet,
  },
  lensFar: {
    kind: 'number',
    label: 'Mean of the data',
    help: 'The standard deviation stays 1. The farther the values lie from zero, the more of it is lost in E[x²] − E[x]².',
    min: 1,
    max: 1e6,
    integer: false,
    stops: [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1e6],
    ticks: [1, 10, 100, 1000, 10_000, 100_000, 1e6],
    default: 1000,
    ...quiet,
  },
} as const satisfies Table<LensConfig>;

function size<D extends number>(label: string, help: string, max: number, usual: D) {
  return {
    kind: 'number',
    label,
    help,
    min: 1,
    max,
    integer: true,
    stops: [],
    ticks: [],
    default: usual,
    ...quiet,
  } as const;
}
