import type { LayerInfo, ModeResult, NormName, Prediction } from './protocol';

/** What page and worker say to each other about the tab Train vs eval. */

/** What a ready-trained network is trained with. */
export const READY = { seed: 1, batch: 32, lr: 0.02, momentum: 0.9 } as const;

/** Images of each batch that the running statistics are re-estimated from. */
export const RECALIBRATION_BATCH = 64;

/** Which network is wanted. */
export interface SubjectPlan {
  source: 'train' | 'ready';
  model: string;
  norm: NormName;
  steps: number;
  /** Another number: take it anew, though nothing else is another. */
  taken: number;
}

/** Where running statistics come from. */
export type Origin =
  | { kind: 'training' }
  /** Mean 0 and variance 1. */
  | { kind: 'first' }
  | { kind: 'batches'; batches: number };

/** The network that is looked at. */
export interface Subject {
  source: 'train' | 'ready';
  model: string;
  norm: NormName;
  groups: number;
  /** Made of those that are to be made. */
  steps: number;
  wanted: number;
  /** Another number: the network, or its running statistics, are others. */
  revision: number;
  layers: LayerInfo[];
  /** It has layers whose statistics can be re-estimated. */
  keepsStatistics: boolean;
  origin: Origin;
  /** What the running statistics were before the last change of them. */
  former: Origin | null;
}

/** Which test images make a batch. */
export interface BatchPlan {
  size: number;
  order: 'random' | 'sorted';
  set: number;
}

interface Histogram {
  low: number;
  high: number;
  counts: number[];
}

/** How far one layer's output in train mode is from that in eval mode. */
export interface LayerGap {
  key: string;
  type: string;
  shape: number[];
  /** Root mean square of the difference, in units of the standard deviation that the output has in eval mode. */
  relative: number;
  maxAbs: number;
  cosine: number;
  train: Histogram;
  eval: Histogram;
}

/** Per channel: what eval mode normalizes with, and what train mode takes from this batch. */
export interface ChannelSources {
  runningMean: Float32Array;
  runningVar: Float32Array;
  batchMean: Float32Array;
  batchVar: Float32Array;
}

/** One batch in both modes. */
export interface BatchComparison {
  /** Of the test images. */
  indices: number[];
  labels: number[];
  pixels: Uint8Array;
  height: number;
  width: number;
  layers: ModeResult<LayerGap[]>;
  /** Of each layer, `relative` as it was with the former running statistics. */
  former: number[] | null;
  /** By layer. */
  sources: Record<string, ChannelSources>;
  /** By layer: values behind each mean and variance in train mode. */
  values: Record<string, number>;
  eval: Prediction[];
  train: ModeResult<Prediction[]>;
}

/** An image and companions: test images, chosen anew for each draw from 1 on; 0 are those of the batch. */
export interface Draw {
  companions: number[];
  eval: number[];
  train: ModeResult<number[]>;
}
