import type { NormLayer, Tensor } from 'normlab';
import type { Core } from 'normlab/core';
import { addLayers } from 'normlab/layers';
import { isFatal, toFailure } from '../failure';
import {
  affine,
  drawBatch,
  indexOf,
  type LensInput,
  type LensLayer,
  type LensQuestion,
  moments,
  shrink,
  statisticOf,
  upstreamGradient,
} from '../lens-input';
import type { Failure, Mode, ModeResult } from '../protocol';
import type { Context } from '.';

export type Layers = ReturnType<typeof addLayers<Core>>;

/** What a layer made of a batch in one mode. */
export interface Passed {
  y: Float32Array;
  /** One for each set of cells that share them; of RMSNorm 0 and the mean of x². */
  mean: Float64Array;
  variance: Float64Array;
}

/** What came back through the layer. */
export interface Returned {
  dy: Float32Array;
  dx: Float32Array;
  /** For each channel. LayerNorm and RMSNorm have a weight for each position, of which these are the sums. */
  dgamma: Float64Array;
  dbeta: Float64Array | null;
  /** For each set of cells that share statistics: Σdx, Σdx·x̂, and Σ|dx| to measure them by. */
  sums: { dx: Float64Array; dxNormalized: Float64Array; size: Float64Array };
}

export interface Channels {
  before: { mean: Float64Array; std: Float64Array };
  after: { mean: Float64Array; std: Float64Array } | null;
}

export interface LensAnswer {
  question: LensQuestion;
  x: Float32Array;
  train: ModeResult<Passed>;
  eval: ModeResult<Passed>;
  /** Greatest difference between the outputs of the two modes. */
  difference: number | null;
  /** In the mode that was asked for. */
  back: Returned | null;
  channels: Channels;
}

/** What BatchNorm has kept of one channel, beside what the batches had. */
export interface StreamAnswer {
  batchMean: number[];
  batchVar: number[];
  /** One longer: before the first batch, and after each. */
  runningMean: number[];
  runningVar: number[];
}

const STREAM_EPS = 1e-5;
const PORTION_MS = 30;

export default (context: Context<Core>) => {
  const engine = addLayers(context.engine);
  let stream: Stream | null = null;
  /** Only one question at a time moves the stream; images may have to be waited for. */
  let line: Promise<unknown> = Promise.resolve();

  async function batchOf(input: LensInput, at: number): Promise<Tensor> {
    const shape = [...input.shape];
    if (input.source === 'drawn') return { data: drawBatch(input, at), shape };
    const [{ test }, { addTraining }] = await Promise.all([context.data, import('normlab/training')]);
    const [N, C] = input.shape;
    const indices = Array.from({ length: N }, (_, n) => (at * N + n) % test.length);
    const conv = { type: 'conv2d' as const, outChannels: C, kernelSize: 3, padding: 1, bias: false };
    const model = addTraining(context.engine).model({ input: [...test.shape], seed: input.seed, layers: [conv] });
    const out = model.forward(test.batch(indices).x);
    model.dispose();
    return { data: shrink(out.data, out.shape[2] ?? 1, out.shape[3] ?? 1, input, at), shape };
  }

  /** Lets `count` batches through a BatchNorm in train mode, those that have not been already. */
  function streamTo(question: LensQuestion, count: number): Promise<Stream> {
    const advance = async () => {
      const { input, momentum, runningVar } = question;
      const key = JSON.stringify([input, momentum, runningVar]);
      if (stream?.key !== key) {
        stream?.layer.dispose();
        stream = null;
        const layer = engine.batchNorm2d(input.shape[1], { momentum, runningVar });
        stream = { key, layer, states: [stateOf(layer)], means: [], variances: [] };
      }
      const { layer, states, means, variances } = stream;
      let begun = performance.now();
      while (means.length < count) {
        const { mean, variance } = passed(layer, await batchOf(input, means.length), STREAM_EPS);
        means.push(mean);
        variances.push(variance);
        states.push(stateOf(layer));
        if (performance.now() - begun > PORTION_MS) {
          await new Promise((resolve) => setTimeout(resolve));
          begun = performance.now();
        }
      }
      return stream;
    };
    const advanced = line.then(advance);
    line = advanced.catch(() => {});
    return advanced;
  }

  return {
    /** The layer's output in both modes, and what goes back in the one asked for. */
    async look(question: LensQuestion): Promise<LensAnswer> {
      const { input, layer: spec, at } = question;
      const x = await batchOf(input, at);
      const kept = spec.norm === 'batch' ? await settled(streamTo(question, at)) : null;
      const layer = makeLayer(engine, question);
      try {
        let back: Returned | null = null;
        const through = (mode: Mode) =>
          attempt<Passed>(() => {
            if (mode === 'eval' && kept) {
              if ('failure' in kept) return kept;
              layer.loadStateDict(kept.states[at] as State, { strict: false });
            }
            layer.train(mode === 'train');
            const result = passed(layer, x, spec.eps);
            if (mode === question.mode) back = goBack(layer, question, x, result);
            return result;
          });
        const modes = { train: through('train'), eval: through('eval') };
        const shown = modes[question.mode];
        return {
          question,
          x: x.data,
          ...modes,
          difference: differenceOf(modes.train, modes.eval),
          back,
          channels: {
            before: channelMoments(x.data, input),
            after: 'y' in shown ? channelMoments(shown.y, input) : null,
          },
        };
      } finally {
        layer.dispose();
      }
    },

    /** What a BatchNorm has kept of one channel after each of so many batches. */
    async stream(question: LensQuestion, channel: number): Promise<StreamAnswer> {
      const { states, means, variances } = await streamTo(question, question.at);
      const kept = states.slice(0, question.at + 1);
      const ofChannel = (all: Float64Array[]) => all.slice(0, question.at).map((values) => values[channel] as number);
      return {
        batchMean: ofChannel(means),
        batchVar: ofChannel(variances),
        runningMean: kept.map(({ running_mean }) => running_mean.data[channel] as number),
        runningVar: kept.map(({ running_var }) => running_var.data[channel] as number),
      };
    },
  };
};

interface Stream {
  /** What the stream depends on. */
  key: string;
  layer: NormLayer;
  /** Before the first batch, and after each. */
  states: State[];
  /** Of each batch, by channel. */
  means: Float64Array[];
  variances: Float64Array[];
}

interface State extends Record<string, Tensor | number> {
  running_mean: Tensor;
  running_var: Tensor;
}

function stateOf(layer: NormLayer): State {
  const { running_mean, running_var } = layer.stateDict() as State;
  return { running_mean, running_var };
}

function makeLayer(engine: Layers, { layer, input, momentum, runningVar }: LensQuestion): NormLayer {
  const [, C, H, W] = input.shape;
  const { norm, groups, eps } = layer;
  const make: Record<LensLayer['norm'], () => NormLayer> = {
    batch: () => engine.batchNorm2d(C, { eps, momentum, runningVar }),
    layer: () => engine.layerNorm([C, H, W], { eps }),
    group: () => engine.groupNorm(groups, C, { eps }),
    instance: () => engine.instanceNorm2d(C, { eps, affine: true }),
    rms: () => engine.rmsNorm([C, H, W], { eps }),
  };
  const made = make[norm]();
  const { gamma, beta } = affine(layer, C);
  const state = made.stateDict();
  for (const [key, values] of [
    ['weight', gamma],
    ['bias', beta],
  ] as const) {
    const entry = state[key];
    if (typeof entry !== 'object') continue;
    // One a channel, or one a position of each channel.
    const positions = entry.data.length / C;
    entry.data = entry.data.map((_, i) => values[Math.floor(i / positions)] as number);
  }
  made.loadStateDict(state);
  return made;
}

export function passed(layer: NormLayer, x: Tensor, eps: number): Passed {
  const y = layer.forward(x).data;
  const { mean, invstd } = layer.savedStats();
  const variance = Float64Array.from(invstd, (value) => {
    const found = 1 / (value * value) - eps;
    // Below the rounding of 1 / √(0 + ε).
    return found < 1e-9 * eps ? 0 : found;
  });
  return { y, mean: Float64Array.from(mean), variance };
}

function goBack(layer: NormLayer, question: LensQuestion, x: Tensor, result: Passed): Returned {
  const { input, layer: spec } = question;
  const [N, C, H, W] = input.shape;
  const normalized = new Float64Array(x.data.length);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const k = statisticOf(spec, input.shape, n, c);
      const scale = 1 / Math.sqrt((result.variance[k] as number) + spec.eps);
      const from = indexOf(input.shape, [n, c, 0, 0]);
      for (let i = from; i < from + H * W; i++) {
        normalized[i] = ((x.data[i] as number) - (result.mean[k] as number)) * scale;
      }
    }
  }
  const dy = upstreamGradient(question, normalized);
  const gradients = layer.backward({ data: dy, shape: x.shape });
  const dx = gradients.input.data;
  const count = result.mean.length;
  const sums = { dx: new Float64Array(count), dxNormalized: new Float64Array(count), size: new Float64Array(count) };
  const add = (to: Float64Array, k: number, value: number) => {
    to[k] = (to[k] as number) + value;
  };
  for (let i = 0; i < dx.length; i++) {
    const k = statisticOf(spec, input.shape, Math.floor(i / (C * H * W)), Math.floor(i / (H * W)) % C);
    const value = dx[i] as number;
    add(sums.dx, k, value);
    add(sums.dxNormalized, k, value * (normalized[i] as number));
    add(sums.size, k, Math.abs(value));
  }
  const perChannel = ({ data }: Tensor) => {
    const total = new Float64Array(C);
    for (let i = 0; i < data.length; i++) add(total, Math.floor((i * C) / data.length), data[i] as number);
    return total;
  };
  return {
    dy,
    dx,
    dgamma: gradients.weight ? perChannel(gradients.weight) : new Float64Array(C),
    dbeta: gradients.bias ? perChannel(gradients.bias) : null,
    sums,
  };
}

function attempt<T>(work: () => ModeResult<T>): ModeResult<T> {
  try {
    return work();
  } catch (error) {
    return failed(error);
  }
}

async function settled<T>(work: Promise<T>): Promise<ModeResult<T>> {
  return work.catch(failed);
}

function failed(error: unknown): { failure: Failure } {
  if (isFatal(error)) throw error;
  return { failure: toFailure(error) };
}

function differenceOf(train: ModeResult<Passed>, evaluated: ModeResult<Passed>): number | null {
  if (!('y' in train) || !('y' in evaluated)) return null;
  return train.y.reduce((most, value, i) => Math.max(most, Math.abs(value - (evaluated.y[i] as number))), 0);
}

/** Mean and standard deviation of each channel over the batch, whatever the layer normalizes over. */
function channelMoments(values: Float32Array, { shape }: LensInput): { mean: Float64Array; std: Float64Array } {
  const [N, C, H, W] = shape;
  const [mean, std] = [new Float64Array(C), new Float64Array(C)];
  for (let c = 0; c < C; c++) {
    const of = Array.from({ length: N }, (_, n) => indexOf(shape, [n, c, 0, 0])).flatMap((from) => [
      ...values.subarray(from, from + H * W),
    ]);
    const [average, variance] = moments(of);
    mean[c] = average;
    std[c] = Math.sqrt(variance);
  }
  return { mean, std };
}
