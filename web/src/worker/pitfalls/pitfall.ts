import type { Engine } from 'normlab';
import type { Data } from '../run';
import type { Bench } from './bench';

export interface Figure {
  label: string;
  /** A text stands for itself: the words of an error, say. */
  value: number | string;
  /** `'%'`: the value is a share, 0 to 1. */
  unit?: string;
  /** What theory says that it must be. */
  expected?: number;
  /** Whether it is as one would wish; absent where there is nothing to wish for. */
  fine?: boolean;
}

/** A line of a figure; dashed in train mode, in the colour of a normalization or of a custom property. */
export interface Curve {
  label: string;
  x: number[];
  y: (number | null)[];
  dots?: boolean;
  mode?: 'train' | 'eval';
  norm?: 'batch' | 'layer' | 'group' | 'none';
  color?: string;
}

/** What a run has shown. Equal seeds give equal outcomes on the same engine variant. */
export interface Outcome {
  figures: Figure[];
  /** The words in which something was refused. */
  message?: string;
  plot?: { label: string; x: { label: string }; y: { label: string; min?: number; max?: number }; curves: Curve[] };
  table?: { label: string; columns: string[]; rows: (string | number)[][] };
  /** What was just seen, in a sentence or two with its numbers. */
  verdict: string;
}

/** Makes a pitfall happen, or with `fixed` the same without it. */
export type Pitfall = (bench: Bench, fixed: boolean) => Outcome | Promise<Outcome>;

/** What a run is given: an engine, the images when asked for, and when to let others have their turn. */
export interface Surroundings {
  nl: Engine;
  images: () => Promise<Data>;
  /** Comes back after the messages that wait; rejects when nobody wants the outcome any more. */
  giveWay: () => Promise<void>;
  onShare: (share: number) => void;
}
