import type { Mode, NormName } from './protocol';

/** What the lens looks at, as plain numbers and arrays: nothing here needs the engine or the page. */

/** How many cells can still be told apart. */
const MOST_CELLS = 2048;

/** n, c, h and w of a cell, or N, C, H and W. */
export type Four = readonly [number, number, number, number];

export interface LensInput {
  /** Random numbers, or images behind a convolution. */
  source: 'drawn' | 'images';
  shape: Four;
  mean: number;
  scale: number;
  spread: number;
  /** Correlation between images, 0 to 1. */
  alike: number;
  outlier: number;
  /** Added to the mean with each batch. */
  drift: number;
  seed: number;
}

export interface LensLayer {
  norm: Exclude<NormName, 'none'>;
  groups: number;
  eps: number;
  gamma: number;
  beta: number;
  ramp: boolean;
}

export type Upstream = 'ones' | 'random' | 'cell' | 'normalized';

/** What BatchNorm keeps. */
export interface LensMemory {
  momentum: number;
  runningVar: 'unbiased' | 'biased';
}

export interface LensQuestion extends LensMemory {
  input: LensInput;
  layer: LensLayer;
  mode: Mode;
  upstream: Upstream;
  /** The cell at which the upstream gradient is 1, where it is that one. */
  cell: Four;
  /** Batches seen before this one. */
  at: number;
}

/** Within the number of cells that can be shown; the larger of H and W gives way. */
export function fittingShape([n, c, h, w]: Four): Four {
  let [rows, columns] = [h, w];
  while (n * c * rows * columns > MOST_CELLS) {
    if (rows > columns) rows--;
    else columns--;
  }
  return [n, c, rows, columns];
}

/** Place of a cell in the tensor's values. */
export function indexOf([, C, H, W]: Four, [n, c, h, w]: Four): number {
  return ((n * C + c) * H + h) * W + w;
}

/** Which of the layer's statistics the channel c of image n is normalized with; they are counted as `savedStats` does. */
export function statisticOf({ norm, groups }: LensLayer, [, C]: Four, n: number, c: number): number {
  switch (norm) {
    case 'batch':
      return c;
    case 'instance':
      return n * C + c;
    case 'group':
      return n * groups + Math.floor((c * groups) / C);
    default:
      return n;
  }
}

/** m: cells that share a mean and a variance. */
export function sharers({ norm, groups }: LensLayer, [N, C, H, W]: Four): number {
  const channels = { batch: N, instance: 1, group: C / groups, layer: C, rms: C }[norm];
  return channels * H * W;
}

/** γ and β of each channel. */
export function affine({ gamma, beta, ramp }: LensLayer, channels: number): { gamma: number[]; beta: number[] } {
  const rise = Array.from({ length: channels }, (_, c) => (ramp && channels > 1 ? (2 * c) / (channels - 1) - 1 : 0));
  return { gamma: rise.map((r) => gamma * (1 + r / 2)), beta: rise.map((r) => beta + r) };
}

/** Normal numbers by Box and Muller, from mulberry32. Equal seeds and streams draw the same. */
export function normals(seed: number, stream: number): () => number {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * The values of batch number `at`. The channels' own means are those of every batch; what the images of a batch have in
 * common is drawn anew for each, so that batches of images that are alike differ the more.
 */
export function drawBatch(input: LensInput, at: number): Float32Array {
  const { shape, mean, scale, spread, alike, drift, seed } = input;
  const [N, C, H, W] = shape;
  const offset = normals(seed, -1);
  const offsets = Array.from({ length: C }, () => mean + drift * at + scale * spread * offset());
  const draw = normals(seed, at);
  const common = Array.from({ length: C * H * W }, draw);
  const [shared, own] = [Math.sqrt(alike), Math.sqrt(1 - alike)];
  const values = new Float32Array(N * C * H * W);
  for (let i = 0; i < values.length; i++) {
    const place = i % (C * H * W);
    const deviation = shared * (common[place] as number) + own * draw();
    values[i] = (offsets[Math.floor(place / (H * W))] as number) + scale * deviation;
  }
  addOutlier(values, input);
  return values;
}

/** In the first channel of the first image, in the middle. */
function addOutlier(values: Float32Array, { shape, outlier, scale }: LensInput): void {
  if (outlier === 0) return;
  const place = indexOf(shape, [0, 0, Math.floor(shape[2] / 2), Math.floor(shape[3] / 2)]);
  values[place] = (values[place] as number) + outlier * scale;
}

/** What a convolution gave, [N, C, rows, columns], brought to the input's H × W by taking means, then shifted and scaled. */
export function shrink(data: Float32Array, rows: number, columns: number, input: LensInput, at: number): Float32Array {
  const { shape, mean, scale, drift } = input;
  const [N, C, H, W] = shape;
  const values = new Float32Array(N * C * H * W);
  const edge = (i: number, parts: number, whole: number) => Math.floor((i * whole) / parts);
  for (let i = 0; i < values.length; i++) {
    const [w, h, plane] = [i % W, Math.floor(i / W) % H, Math.floor(i / (W * H))];
    const [top, bottom] = [edge(h, H, rows), edge(h + 1, H, rows)];
    const [left, right] = [edge(w, W, columns), edge(w + 1, W, columns)];
    let sum = 0;
    for (let r = top; r < bottom; r++) {
      for (let c = left; c < right; c++) sum += data[(plane * rows + r) * columns + c] as number;
    }
    values[i] = mean + drift * at + (scale * sum) / ((bottom - top) * (right - left));
  }
  addOutlier(values, input);
  return values;
}

/** What comes from behind, for an output that was normalized to `normalized`. */
export function upstreamGradient(question: LensQuestion, normalized: Float64Array): Float32Array {
  const { upstream, input, cell } = question;
  const gradient = new Float32Array(normalized.length);
  if (upstream === 'ones') gradient.fill(1);
  else if (upstream === 'normalized') gradient.set(normalized);
  else if (upstream === 'cell') gradient[indexOf(input.shape, cell)] = 1;
  else {
    const draw = normals(input.seed, -2);
    for (let i = 0; i < gradient.length; i++) gradient[i] = draw();
  }
  return gradient;
}

/** Mean and biased variance in float64. */
export function moments(values: ArrayLike<number>): [number, number] {
  const m = values.length;
  let [sum, squares] = [0, 0];
  for (let i = 0; i < m; i++) sum += values[i] as number;
  const mean = sum / m;
  for (let i = 0; i < m; i++) squares += ((values[i] as number) - mean) ** 2;
  return [mean, squares / m];
}
