import type { Comparison, Dataset, Model } from 'normlab';
import { isFatal, toFailure } from './failure';
import type { TestImages } from './modes-batch';
import type { BatchComparison, BatchPlan, ChannelSources, Draw, LayerGap } from './modes-plan';
import type { Looked } from './modes-subject';
import { greyPixels, predictions } from './probes';
import type { ModeResult } from './protocol';

const BINS = 40;

type Tensor = ReturnType<Dataset['batch']>['x'];

/** What goes out of the network in either mode; eval mode also where train mode refuses the batch. */
function bothModes(model: Model, x: Tensor, layers: boolean): { eval: Tensor; train: ModeResult<Comparison> } {
  try {
    const train = model.compareModes(x, { bins: BINS, layers });
    return { eval: train.logits.eval, train };
  } catch (error) {
    if (isFatal(error)) throw error;
    // Twice the batch gives train mode a variance; in eval mode no image depends on another.
    const [n = 0, ...shape] = x.shape;
    const data = new Float32Array(2 * x.data.length);
    data.set(x.data);
    data.set(x.data, x.data.length);
    const logits = model.compareModes({ data, shape: [2 * n, ...shape] }, { layers: false }).logits.eval;
    const half = logits.data.subarray(0, logits.data.length / 2);
    return { eval: { data: half, shape: [n, ...logits.shape.slice(1)] }, train: { failure: toFailure(error) } };
  }
}

/** One batch of test images in both modes, layer by layer and image by image. */
export function compareBatch(looked: Looked, images: TestImages, plan: BatchPlan): BatchComparison {
  const { model } = looked;
  const indices = images.batch(plan);
  const chosen = images.subset(indices);
  const [, height = 1, width = 1] = chosen.shape;
  const { x } = chosen.batch(indices.map((_, i) => i));
  const { eval: logits, train } = bothModes(model, x, true);
  const refused = 'failure' in train;
  const values = model.valuesPerStatistic(indices.length);
  return {
    indices,
    labels: [...chosen.labels],
    pixels: greyPixels(chosen, 0, chosen.length),
    height,
    width,
    layers: refused ? train : train.layers.map(gapOf),
    former: refused ? null : looked.formerly(() => model.compareModes(x, { bins: 1 }).layers.map(relativeOf)),
    sources: refused ? {} : sourcesOf(looked, chosen, values),
    values,
    eval: predictions(logits),
    train: refused ? train : predictions(train.logits.train),
  };
}

function gapOf(layer: Comparison['layers'][number]): LayerGap {
  const { key, type, shape, train, diff } = layer;
  const { maxAbs, cosine } = diff;
  const gap = { relative: relativeOf(layer), maxAbs, cosine };
  return { key, type, shape, ...gap, train: train.histogram, eval: layer.eval.histogram };
}

function relativeOf({ diff, eval: output }: Comparison['layers'][number]): number {
  return diff.rms === 0 ? 0 : diff.rms / output.std;
}

/** Recalibrated from this batch alone, a layer's running statistics are the batch's. */
function sourcesOf(looked: Looked, batch: Dataset, values: Record<string, number>): Record<string, ChannelSources> {
  const running = looked.statistics;
  const own = looked.statisticsAfter(() => looked.model.recalibrate(batch, { batchSize: batch.length }));
  const data = (state: typeof running, key: string) => {
    const entry = state[key];
    return typeof entry === 'object' ? entry.data : new Float32Array();
  };
  const keys = Object.keys(running).flatMap((key) => (key.endsWith('.running_mean') ? key.slice(0, -13) : []));
  return Object.fromEntries(
    keys.map((key) => {
      const m = values[key] ?? 1;
      const runningMean = data(running, `${key}.running_mean`);
      const runningVar = data(running, `${key}.running_var`);
      const batchMean = data(own, `${key}.running_mean`);
      // Train mode divides by the biased variance; running statistics keep the unbiased one.
      const batchVar = data(own, `${key}.running_var`).map((variance) => (variance * (m - 1)) / m);
      return [key, { runningMean, runningVar, batchMean, batchVar }];
    }),
  );
}

/** The logits of one image among companions; `pixels` are those of an image that is none of the test images. */
export function drawOnce(
  model: Model,
  images: TestImages,
  plan: BatchPlan,
  image: number | Uint8Array,
  draw: number,
): Draw {
  const own = typeof image === 'number' ? null : image;
  const companions = images.companions(plan, typeof image === 'number' ? image : null, draw);
  const others = images.data.batch(typeof image === 'number' ? [image, ...companions] : companions).x;
  const x = own ? withFirst(images.data, own, others) : others;
  const { eval: logits, train } = bothModes(model, x, false);
  const first = ({ data, shape }: Tensor) => [...data.subarray(0, shape[1])];
  return {
    companions,
    eval: first(logits),
    train: 'failure' in train ? train : first(train.logits.train),
  };
}

function withFirst({ shape, mean, std }: Dataset, pixels: Uint8Array, { data, shape: others }: Tensor): Tensor {
  const first = Float32Array.from(pixels, (grey) => (grey / 255 - (mean[0] ?? 0)) / (std[0] ?? 1));
  const all = new Float32Array(first.length + data.length);
  all.set(first);
  all.set(data, first.length);
  return { data: all, shape: [(others[0] ?? 0) + 1, ...shape] };
}
