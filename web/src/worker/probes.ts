import type { Dataset, Model } from 'normlab';
import { isFatal, toFailure } from './failure';
import type { ChannelStatistics, LayerInfo, ModeResult, Prediction } from './protocol';

/** The norm layer with this key, or the first one; null where the model has none. */
export function normLayer(layers: readonly LayerInfo[], key: string): LayerInfo | null {
  const norms = layers.filter(({ isNorm }) => isNorm);
  return norms.find((layer) => layer.key === key) ?? norms[0] ?? null;
}

export function channelStatistics(model: Model, layer: LayerInfo): ChannelStatistics {
  const state = model.stateDict();
  const channels = layer.shape[0] ?? 1;
  const values = (name: string) => {
    const entry = state[`${layer.key}.${name}`];
    return typeof entry === 'object' ? channelMeans(entry.data, channels) : undefined;
  };
  const weight = state[`${layer.key}.weight`];
  return {
    runningMean: values('running_mean'),
    runningVar: values('running_var'),
    weight: values('weight'),
    bias: values('bias'),
    averaged: typeof weight === 'object' ? weight.data.length / channels : 1,
  };
}

/** Means over the positions of each channel; where there is one value per channel, these are the values. */
function channelMeans(data: Float32Array, channels: number): Float32Array {
  const positions = data.length / channels;
  return Float32Array.from({ length: channels }, (_, channel) => {
    const values = data.subarray(channel * positions, (channel + 1) * positions);
    return values.reduce((sum, value) => sum + value, 0) / positions;
  });
}

export interface ImagePredictions {
  eval: Prediction[];
  train: ModeResult<Prediction[]>;
  /** Size of the largest batch in train mode. */
  batch: number;
}

/** Predictions for the images `first` to `first + count` in both modes; nothing of the model changes. */
export function predictImages(
  model: Model,
  data: Dataset,
  first: number,
  count: number,
  batch: number,
): ImagePredictions {
  // The eval half of one large batch: there companions have no influence, and it exists where train mode does not.
  const whole = data.batch(range(first, count));
  const evalPredictions = predictions(model.compareModes(whole.x, { layers: false }).logits.eval);
  const parts = evenParts(count, batch);
  const size = Math.max(...parts);
  let train: ModeResult<Prediction[]>;
  try {
    let begin = first;
    train = parts.flatMap((length) => {
      const { x } = data.batch(range(begin, length));
      begin += length;
      return predictions(model.compareModes(x, { layers: false }).logits.train);
    });
  } catch (error) {
    if (isFatal(error)) throw error;
    train = { failure: toFailure(error) };
  }
  return { eval: evalPredictions, train, batch: size };
}

/** Splits `count` images in as few batches of at most `batch` as there can be, none of them much smaller than another. */
export function evenParts(count: number, batch: number): number[] {
  const parts = Math.ceil(count / batch);
  return Array.from(
    { length: parts },
    (_, i) => Math.floor(((i + 1) * count) / parts) - Math.floor((i * count) / parts),
  );
}

/** Grey values 0..255 of the images `first` to `first + count`, whatever the data set holds. */
export function greyPixels(data: Dataset, first: number, count: number): Uint8Array {
  const [channels = 1, height = 1, width = 1] = data.shape;
  const size = channels * height * width;
  const plane = height * width;
  const scale = data.images instanceof Uint8Array ? 1 : 255 * (data.std[0] ?? 1);
  const offset = data.images instanceof Uint8Array ? 0 : 255 * (data.mean[0] ?? 0);
  const pixels = new Uint8ClampedArray(count * plane);
  for (let i = 0; i < count; i++) {
    for (let p = 0; p < plane; p++) {
      pixels[i * plane + p] = (data.images[(first + i) * size + p] as number) * scale + offset;
    }
  }
  return new Uint8Array(pixels.buffer);
}

/** Label and confidence of each row of logits. */
export function predictions({ data, shape }: { data: Float32Array; shape: number[] }): Prediction[] {
  const [rows = 0, classes = 0] = shape;
  return Array.from({ length: rows }, (_, row) => predict(data.subarray(row * classes, (row + 1) * classes)));
}

function predict(logits: Float32Array): Prediction {
  let label = 0;
  for (let k = 1; k < logits.length; k++) if ((logits[k] as number) > (logits[label] as number)) label = k;
  const top = logits[label] as number;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  return { label, confidence: 1 / sum };
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
