import { presetHeads as presets } from 'normlab/core';
import { type NormName, SWEEP_MODELS, type SweepPlan } from '../../worker/protocol';
import { norms } from './norms';
import type { Table } from './schema';

/** The sweep of the tab Small batches. */
export interface BatchesConfig {
  sweepModel: SweepPlan['model'];
  sweepNorms: readonly NormName[];
  sweepBatches: readonly number[];
  sweepSeeds: number;
  sweepImages: number;
  sweepEpochs: number;
  /** The published figures stand beside the sweep's. */
  sweepPaper: boolean;
}

const sweepModels = SWEEP_MODELS.map((value) => ({
  value,
  label: presets[value]?.title ?? value,
  help: presets[value]?.description ?? '',
}));

export const batchesSettings = {
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
} as const satisfies Table<BatchesConfig>;
