import type { Table } from './schema';

/** Every scenario of the tab Pitfalls, in its order, with the title that it has everywhere. */
const pitfalls = [
  { value: 'forgot-eval', label: 'eval() forgotten' },
  { value: 'same-batch-twice', label: 'The same batch twice' },
  { value: 'cold-statistics', label: 'Statistics not warmed up' },
  { value: 'no-running-stats', label: 'track_running_stats=False' },
  { value: 'thawed', label: 'Frozen BatchNorm, thawed by train()' },
  { value: 'class-sorted', label: 'Batches of one class' },
  { value: 'one-value', label: 'One value per channel' },
  { value: 'pooled', label: 'BatchNorm after global pooling' },
  { value: 'last-batch', label: 'A small last batch' },
  { value: 'accumulation', label: 'Accumulation is not a large batch' },
  { value: 'replicas', label: 'Replicas without SyncBatchNorm' },
  { value: 'leak', label: 'Samples that see each other' },
  { value: 'momentum', label: 'Momentum turned around' },
  { value: 'cumulative', label: 'momentum=None' },
  { value: 'unbiased', label: 'Biased and unbiased variance' },
  { value: 'averaged', label: 'Averaged weights, old statistics' },
  { value: 'cancellation', label: 'Variance by E[x²] − E[x]²' },
  { value: 'half', label: 'ε in half precision' },
  { value: 'backward', label: 'A backward pass of one’s own' },
  { value: 'learning-rate', label: 'Ten times the learning rate' },
  { value: 'one-group', label: 'GroupNorm(1, C) is not LayerNorm(C)' },
  { value: 'dropout', label: 'Dropout before BatchNorm' },
  { value: 'bias', label: 'A bias before BatchNorm' },
  { value: 'folding', label: 'Folded in the wrong mode' },
] as const;

export type PitfallId = (typeof pitfalls)[number]['value'];

/** The scenario of the tab Pitfalls. */
export interface PitfallConfig {
  pitfall: PitfallId;
  /** Its fix is applied. */
  pitfallFixed: boolean;
}

export const pitfallSettings = {
  pitfall: {
    attribute: 'pitfall',
    kind: 'choice',
    label: 'Scenario',
    help: 'What goes wrong.',
    choices: pitfalls,
    default: pitfalls[0].value,
    effect: 'none',
    always: false,
  },
  pitfallFixed: {
    kind: 'flag',
    label: 'Fixed',
    help: 'The scenario is run again with its fix.',
    default: false,
    effect: 'none',
    always: false,
  },
} as const satisfies Table<PitfallConfig>;
