import type { LayerMeasurement, PlannedRun, SweepRun } from 'normlab';
import type { ServiceName } from './services';

/** What page and worker say to each other. Nothing here points into the engine's memory: arrays are copies, transferred. */

export type NormName = 'batch' | 'layer' | 'group' | 'instance' | 'rms' | 'none';
export type Placement = 'before' | 'after';
export type Optimizer = 'sgd' | 'adam' | 'adamW';
export type Mode = 'train' | 'eval';

/** An error that has crossed from the worker: classes do not survive the crossing, these three fields do. */
export interface Failure {
  name: string;
  code: string;
  message: string;
}

/** Of a file that is opened. The page reads it: in WebKit the worker of a page from disk, or of a sandboxed frame, reads none. */
export interface FileContent {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Everything that defines a run: equal values give bit-equal runs on the same engine variant. */
export interface RunConfig {
  /** What was opened from files, by its name; any other stands for what the page ships, and for weights drawn from the seed. */
  data: string;
  weights: string;
  model: string;
  norm: NormName;
  groups: number;
  /** BatchNorm is Batch Renormalization. */
  renorm: boolean;
  placement: Placement;
  batch: number;
  lr: number;
  optimizer: Optimizer;
  /** Of sgd. */
  momentum: number;
  decay: number;
  seed: number;
}

/** What one arm is to train. Equal numbers are the same run. */
export interface Order {
  run: number;
  config: RunConfig;
  /** Of an equal run, which this one goes on from. */
  checkpoint?: Uint8Array | undefined;
}

export interface LayerInfo {
  key: string;
  type: string;
  /** Of the output, without the batch. */
  shape: number[];
  isNorm: boolean;
}

export interface Score {
  loss: number;
  /** 0 to 1. */
  accuracy: number;
}

/** One test image as the network sees it in one mode. */
export interface Prediction {
  label: number;
  /** Softmax probability of that label, 0 to 1. */
  confidence: number;
}

export type ModeResult<T> = T | { failure: Failure };

/** Per-channel values of one normalization layer; what the layer does not keep is absent. */
export interface ChannelStatistics {
  runningMean?: Float32Array | undefined;
  runningVar?: Float32Array | undefined;
  weight?: Float32Array | undefined;
  bias?: Float32Array | undefined;
  /** Values of weight and bias that each entry is the mean of: LayerNorm has one for every position of a channel. */
  averaged: number;
}

/** The presets that a sweep can train: where BatchNorm is left with one value per image, and where it is not. */
export const SWEEP_MODELS = ['mlp', 'deepcnn', 'smallcnn'] as const;

/** What a sweep trains: a run for each of norms × batchSizes × seeds. */
export interface SweepPlan {
  model: (typeof SWEEP_MODELS)[number];
  norms: readonly NormName[];
  batchSizes: readonly number[];
  seeds: readonly number[];
  /** Training images. */
  images: number;
  epochs: number;
}

/** One run that a plan asks for. */
export interface SweepJob extends PlannedRun {
  norm: NormName;
}

/** One run of a sweep, as `nl.sweep` gives it, its history by epochs. */
export type SweepResult = Omit<SweepRun, 'history'> & { history: Pick<SweepRun['history'], 'epochs'> };

/** Every layer of a run as a fixed batch finds it, in train mode. */
export interface Look {
  /** Steps that the run had made. */
  step: number;
  /** Images in the batch. */
  images: number;
  /** What looking took of the training's time. */
  ms: number;
  layers: LayerMeasurement[];
  /** By the keys of the BatchNorms: mean and unbiased variance of each channel over the batch. */
  batch: Record<string, { mean: Float32Array; var: Float32Array }>;
}

export type RunPhase = 'ready' | 'running' | 'paused' | 'diverged' | 'failed';

/** The events of a run carry its number: what comes late from an older run is dropped. */
export type SessionEvent =
  /** Share of the images that has arrived, 0 to 1; null where the server does not tell how much there is. */
  | { type: 'loading'; loaded: number | null }
  /** The engine is there, the images may still be on their way. */
  | { type: 'engine'; variant: string }
  | {
      type: 'loaded';
      variant: string;
      classNames: string[];
      trainImages: number;
      testImages: number;
      /** What is to be said of them. */
      note: string;
    }
  /** The engine is gone: it could not be loaded, or it has trapped. Only a new worker helps. */
  | { type: 'dead'; failure: Failure }
  | { type: 'started'; run: number; stepsPerEpoch: number; parameters: number; layers: LayerInfo[] }
  | {
      type: 'progress';
      run: number;
      phase: RunPhase;
      /** Steps made since the run began. */
      step: number;
      /** From 1. */
      epoch: number;
      /** Of this run's own training alone, neither evaluation nor the turns of others counted; 0 until known. */
      imagesPerSecond: number;
      /** Of all runs together. */
      allPerSecond: number;
      /** The test images are being evaluated. */
      evaluating: boolean;
      /** Of the steps since the last progress event, the last of them being `step`. */
      losses: Float32Array;
      accuracies: Float32Array;
      failure?: Failure;
    }
  | { type: 'evaluated'; run: number; step: number; eval: ModeResult<Score>; train: ModeResult<Score> }
  | { type: 'statistics'; run: number; step: number; layer: string; channels: ChannelStatistics }
  | {
      type: 'images';
      run: number;
      step: number;
      /** height × width grey values of each image, one after the other. */
      pixels: Uint8Array;
      height: number;
      width: number;
      labels: number[];
      eval: Prediction[];
      train: ModeResult<Prediction[]>;
      /** Images that shared a batch in train mode. */
      batch: number;
    };

/** What is shown beside the curves; changing it touches no run. */
export interface Focus {
  run: number;
  /** Key of a normalization layer; one that the model does not have stands for the first. */
  layer: string;
  /** The test images `first` to `first + count`. */
  first: number;
  count: number;
}

/** The calls the worker answers. Failures arrive as events, never as rejections. */
export interface SessionApi {
  /** Loads the engine, then reports `engine`, or `dead`. The images come, with `loaded`, when something needs them. */
  open(events: MessagePort): Promise<void>;
  /** Has the images come, which else do when something needs them. */
  load(): void;
  /**
   * The runs that there are to be, arm A's first. Those under way go on, those not named are dropped, new ones begin at step 0
   * or at their checkpoint, with `play` at once.
   */
  arrange(orders: Order[], focus: Focus | null, play: boolean): void;
  setLearningRate(run: number, lr: number): void;
  focus(focus: Focus): void;
  /** Trains all runs in turns. */
  play(): void;
  /** Stops at the next step boundary, then evaluates. */
  pause(): void;
  /** Makes exactly one step of each run, pausing first if need be. */
  step(): void;
  /** Has a method of a service called, once the engine is there. */
  ask(service: ServiceName, method: string, args: unknown[]): Promise<Answer>;
}

export type Answer = { value: unknown } | { failure: Failure };
