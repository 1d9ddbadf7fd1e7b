import { presetHeads as presets } from 'normlab/core';
import { READY, RECALIBRATION_BATCH } from '../../worker/modes-plan';
import { type NormName, SWEEP_MODELS } from '../../worker/protocol';
import { norms } from './norms';
import type { Table } from './schema';

/** Of whom the tab Train vs eval takes which network, and what it puts through it. */
export interface ModesConfig {
  modesSource: 'train' | 'ready';
  modesModel: (typeof SWEEP_MODELS)[number];
  modesNorm: NormName;
  modesSteps: number;
  modesBatch: number;
  modesOrder: 'random' | 'sorted';
  /** Which images of the test set. */
  modesSet: number;
  /** Key of the layer that is looked at; empty: where the difference begins. */
  modesLayer: string;
  /** Place in the batch of the image whose companions are reshuffled. */
  modesImage: number;
  /** Training batches that Recalibrate measures. */
  modesBatches: number;
  modesInvert: boolean;
}

export const modesSettings = {
  modesSource: {
    kind: 'choice',
    label: 'Model',
    help: 'A copy: whatever is done to it here, the training goes on as it would.',
    choices: [
      { value: 'train', label: 'From Train', help: 'Until Train has made a step, the ready-trained one stands in.' },
      { value: 'ready', label: 'Ready-trained', help: 'Trained on the spot, always the same from the same settings.' },
    ],
    default: 'train',
    effect: 'none',
    always: false,
  },
  modesModel: {
    kind: 'choice',
    label: 'Network',
    help: 'A convolution has many values per channel even for one image; a linear layer has one.',
    choices: SWEEP_MODELS.map((value) => ({ value, label: presets[value]?.title ?? value })),
    default: 'mlp',
    effect: 'none',
    always: false,
  },
  modesNorm: {
    attribute: 'norm',
    kind: 'choice',
    label: 'Normalization',
    help: 'Only BatchNorm keeps running statistics. GroupNorm has 8 groups.',
    choices: norms,
    default: 'batch',
    effect: 'none',
    always: false,
  },
  modesSteps: {
    kind: 'number',
    label: 'Training steps',
    help: `Of ${READY.batch} images each. After few steps the running statistics are still near their first values.`,
    min: 0,
    max: 1000,
    integer: true,
    stops: [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    ticks: [0, 5, 20, 100, 1000],
    default: 200,
    effect: 'none',
    always: false,
  },
  modesBatch: {
    attribute: 'batch-size',
    kind: 'number',
    label: 'Batch size',
    help: 'In train mode BatchNorm takes its mean and variance from these alone.',
    min: 1,
    max: 64,
    integer: true,
    stops: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64],
    ticks: [1, 2, 4, 8, 16, 32, 64],
    default: 4,
    effect: 'none',
    always: false,
  },
  modesOrder: {
    kind: 'choice',
    label: 'Order',
    help: 'Data sorted by class is what evaluation sets often are.',
    choices: [
      { value: 'random', label: 'mixed', help: 'The batch holds whatever classes come.' },
      { value: 'sorted', label: 'sorted by class', help: 'All images of a batch are of one class.' },
    ],
    default: 'random',
    effect: 'none',
    always: false,
  },
  modesSet: {
    kind: 'number',
    label: 'Image set',
    help: 'Which of the test images; sorted by class, its last digit is the class.',
    min: 0,
    max: 29,
    integer: true,
    stops: [],
    ticks: [],
    default: 0,
    effect: 'none',
    always: false,
  },
  modesLayer: {
    kind: 'text',
    label: 'Layer looked at',
    help: 'The layer whose outputs are shown in both modes.',
    pattern: /^[\w.-]{0,64}$/,
    default: '',
    effect: 'none',
    always: false,
  },
  modesImage: {
    kind: 'number',
    label: 'Image held fixed',
    help: 'Its place in the batch.',
    min: 0,
    max: 63,
    integer: true,
    stops: [],
    ticks: [],
    default: 0,
    effect: 'none',
    always: false,
  },
  modesBatches: {
    kind: 'choice',
    label: 'Recalibrate from',
    help: `Training batches of ${RECALIBRATION_BATCH} images, whose statistics are averaged. Reset statistics puts back mean 0 and variance 1.`,
    choices: [1, 4, 16].map((value) => ({ value, label: value === 1 ? '1 batch' : `${value} batches` })),
    default: 16,
    effect: 'none',
    always: false,
  },
  modesInvert: {
    kind: 'flag',
    label: 'Invert the file',
    help: 'Fashion-MNIST is light on dark; a photograph on white paper is not.',
    default: false,
    effect: 'none',
    always: false,
  },
} as const satisfies Table<ModesConfig>;
