import { sizeOf } from '../checks.js';
import { standardizeRows } from '../weight-standardization.js';
import { centralDifference, norm, rowProducts } from './arithmetic.js';
import { normCdf } from './normal.js';
import { norms } from './norms.js';

/**
 * The layer types in float64, from their definitions: PyTorch's, with its defaults.
 *
 * @typedef {Partial<Record<'weight' | 'bias' | 'running_mean' | 'running_var', Float64Array>>} Tensors
 *
 * @typedef {object} Layer
 * @property {number[]} shape of its output, without N
 * @property {(x: Float64Array, tensors: Tensors) => Float64Array} forward linear in weight and bias together, unless there is
 *   alongTensors
 * @property {(x: Float64Array, t: Tensors, tensors: Tensors) => Float64Array} [alongTensors] the derivative of the output
 *   along a direction t of the tensors
 * @property {(x: Float64Array, t: Float64Array, tensors: Tensors) => Float64Array} along the derivative of the output
 *   along a direction t of the input
 * @property {(x: Float64Array, distance: number) => number} [close] where it decides between branches: how many of the
 *   decisions would be another one, had the input been another by that distance
 *
 * @typedef {(options: Record<string, any>, shape: number[], training: boolean) => Layer} Definition
 */

/**
 * A layer that is linear in its input is its own derivative, without the bias.
 *
 * @param {number[]} shape
 * @param {Layer['forward']} forward
 * @returns {Layer}
 */
const linearMap = (shape, forward) => ({
  shape,
  forward,
  along: (_, t, { weight }) => forward(t, weight ? { weight } : {}),
});

/**
 * @param {number[]} shape
 * @param {(value: number) => number} f which bends over distances of about 1
 * @returns {Layer}
 */
const elementwise = (shape, f) => {
  /** @param {Float64Array} x */
  const forward = (x) => x.map(f);
  return { shape, forward, along: (x, t) => centralDifference(forward, x, t, 1) };
};

/**
 * Where the windows of a convolution or pooling look.
 *
 * @typedef {object} Windows
 * @property {number[]} out height and width of the output
 * @property {number} places of windows: their product
 * @property {number} area values in a window
 * @property {Int32Array} offsets [places, area] in the plane of a channel; -1 in the padding
 *
 * @param {number[]} plane height and width of the input
 * @param {{ kernelSize: number | number[], stride: number | number[], padding: number | number[] }} options
 * @returns {Windows}
 */
function slide(plane, { kernelSize, stride, padding }) {
  const [kernel, step, pad] = [kernelSize, stride, padding].map((size) => (Array.isArray(size) ? size : [size, size]));
  const out = [0, 1].map((i) => Math.floor((plane[i] + 2 * pad[i] - kernel[i]) / step[i]) + 1);
  const places = sizeOf(out);
  const area = sizeOf(kernel);
  const offsets = Int32Array.from({ length: places * area }, (_, i) => {
    const [place, tap] = [Math.floor(i / area), i % area];
    const y = Math.floor(place / out[1]) * step[0] - pad[0] + Math.floor(tap / kernel[1]);
    const x = (place % out[1]) * step[1] - pad[1] + (tap % kernel[1]);
    return y >= 0 && y < plane[0] && x >= 0 && x < plane[1] ? y * plane[1] + x : -1;
  });
  return { out, places, area, offsets };
}

/**
 * Cross-correlation: y[n, o, place] = bias[o] + Σ over channels c and taps of weight[o, c, tap] * x[n, c, place + tap].
 *
 * Channels of x and filters that are zero all over are left out: along the direction of a single weight nearly all are.
 *
 * @param {Float64Array} x [N, channels, size]
 * @param {Tensors} tensors weight [outChannels, channels, area]
 * @param {{ channels: number, size: number, outChannels: number, windows: Windows }} layout
 */
function correlate(x, { weight = new Float64Array(), bias }, { channels, size, outChannels, windows }) {
  const { places, area, offsets } = windows;
  const n = x.length / (channels * size);
  const active = indices(channels).filter((c) => {
    for (let i = 0; i < n; i++) if (!isZero(x, (i * channels + c) * size, size)) return true;
    return false;
  });
  const inputs = active.length < channels / 2 ? active : indices(channels);
  const outputs = indices(outChannels).filter((o) => !isZero(weight, o * channels * area, channels * area));
  const depth = inputs.length * area;

  const columns = new Float64Array(n * places * depth);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < inputs.length; j++) {
      const plane = (i * channels + inputs[j]) * size;
      for (let place = 0; place < places; place++) {
        const column = (i * places + place) * depth + j * area;
        for (let tap = 0; tap < area; tap++) {
          const offset = offsets[place * area + tap];
          if (offset >= 0) columns[column + tap] = x[plane + offset];
        }
      }
    }
  }
  let filters = weight;
  if (inputs.length < channels || outputs.length < outChannels) {
    filters = new Float64Array(outputs.length * depth);
    for (let row = 0; row < outputs.length; row++) {
      for (let i = 0; i < depth; i++) {
        const c = inputs[Math.floor(i / area)];
        filters[row * depth + i] = weight[(outputs[row] * channels + c) * area + (i % area)];
      }
    }
  }
  const products = rowProducts(filters, columns, outputs.length, n * places, depth);

  const y = new Float64Array(n * outChannels * places);
  if (bias) for (let o = 0; o < n * outChannels; o++) y.fill(bias[o % outChannels], o * places, (o + 1) * places);
  outputs.forEach((o, row) => {
    for (let i = 0; i < n; i++) {
      const [to, from] = [(i * outChannels + o) * places, (row * n + i) * places];
      for (let place = 0; place < places; place++) y[to + place] += products[from + place];
    }
  });
  return y;
}

/** @param {number} count */
const indices = (count) => Array.from({ length: count }, (_, i) => i);

/** @param {Float64Array} values @param {number} from @param {number} count */
function isZero(values, from, count) {
  for (let i = from; i < from + count; i++) if (values[i] !== 0) return false;
  return true;
}

/** @type {Definition} */
function conv2d(
  { outChannels, kernelSize, stride = 1, padding = 0, weightStandardization = false },
  [channels, ...plane],
) {
  const windows = slide(plane, { kernelSize, stride, padding });
  const layout = { channels, size: sizeOf(plane), outChannels, windows };
  const plain = linearMap([outChannels, ...windows.out], (x, tensors) => correlate(x, tensors, layout));
  if (!weightStandardization) return plain;
  /** @param {Float64Array} w */
  const standard = (w) => standardizeRows(w, outChannels);
  /** @param {Tensors} tensors @returns {Tensors & { weight: Float64Array }} */
  const whole = ({ weight = new Float64Array(), ...rest }) => ({ ...rest, weight });
  return {
    shape: plain.shape,
    forward: (x, tensors) => plain.forward(x, { ...tensors, weight: standard(whole(tensors).weight) }),
    along: (x, t, tensors) => plain.along(x, t, { weight: standard(whole(tensors).weight) }),
    alongTensors: (x, t, tensors) => {
      const { weight } = whole(tensors);
      const bend = norm(weight) / Math.sqrt(weight.length);
      return plain.forward(x, { ...t, weight: centralDifference(standard, weight, whole(t).weight, bend || 1) });
    },
  };
}

/** @type {Definition} */
function linear({ outFeatures }, [features]) {
  const windows = slide([1, 1], { kernelSize: 1, stride: 1, padding: 0 });
  const layout = { channels: features, size: 1, outChannels: outFeatures, windows };
  return linearMap([outFeatures], (x, tensors) => correlate(x, tensors, layout));
}

/** @type {Definition} */
function maxPool2d({ kernelSize, stride, padding = 0 }, [channels, ...plane]) {
  const { out, places, area, offsets } = slide(plane, { kernelSize, stride: stride ?? kernelSize, padding });
  const size = sizeOf(plane);
  /**
   * Visits the windows with the places in x of the largest value, the first of several, and of the next one (-1: none).
   *
   * @param {Float64Array} x
   * @param {(window: number, first: number, second: number) => void} visit
   */
  const eachWindow = (x, visit) => {
    for (let i = 0; i < (x.length / size) * places; i++) {
      const start = Math.floor(i / places) * size;
      let [first, second] = [-1, -1];
      for (let tap = 0; tap < area; tap++) {
        const offset = offsets[(i % places) * area + tap];
        if (offset < 0) continue;
        const at = start + offset;
        if (first < 0 || x[at] > x[first]) [first, second] = [at, first];
        else if (second < 0 || x[at] > x[second]) second = at;
      }
      visit(i, first, second);
    }
  };
  /** @param {Float64Array} x @param {Float64Array} from */
  const pick = (x, from) => {
    const y = new Float64Array((x.length / size) * places);
    eachWindow(x, (i, first) => {
      y[i] = from[first];
    });
    return y;
  };
  return {
    shape: [channels, ...out],
    forward: (x) => pick(x, x),
    along: (x, t) => pick(x, t),
    close: (x, distance) => {
      let count = 0;
      eachWindow(x, (_, first, second) => {
        if (second >= 0 && x[first] !== x[second] && x[first] - x[second] < distance) count++;
      });
      return count;
    },
  };
}

/** @type {Definition} Padding counts as zeros. */
function avgPool2d({ kernelSize, stride, padding = 0 }, [channels, ...plane]) {
  const { out, places, area, offsets } = slide(plane, { kernelSize, stride: stride ?? kernelSize, padding });
  const size = sizeOf(plane);
  return linearMap([channels, ...out], (x) => {
    const y = new Float64Array((x.length / size) * places);
    for (let i = 0; i < y.length; i++) {
      const start = Math.floor(i / places) * size;
      for (let tap = 0; tap < area; tap++) {
        const offset = offsets[(i % places) * area + tap];
        if (offset >= 0) y[i] += x[start + offset] / area;
      }
    }
    return y;
  });
}

/** @type {Definition} */
const globalAvgPool2d = (_, [channels, ...plane]) => {
  const { shape, ...layer } = avgPool2d({ kernelSize: plane }, [channels, ...plane], false);
  return { shape: [channels, 1, 1], ...layer };
};

/** @type {Definition} */
const relu = (_, shape) => ({
  shape,
  forward: (x) => x.map((value) => Math.max(value, 0)),
  along: (x, t) => {
    const change = t.slice();
    for (let i = 0; i < x.length; i++) if (!(x[i] > 0)) change[i] = 0;
    return change;
  },
  close: (x, distance) => x.filter((value) => value !== 0 && Math.abs(value) < distance).length,
});

/**
 * By type; a residual is what the network makes of its branches.
 *
 * @type {Record<string, Definition>}
 */
export const definitions = {
  conv2d,
  linear,
  maxPool2d,
  avgPool2d,
  globalAvgPool2d,
  relu,
  gelu: (_, shape) => elementwise(shape, (value) => value * normCdf(value)),
  sigmoid: (_, shape) => elementwise(shape, (value) => 1 / (1 + Math.exp(-value))),
  tanh: (_, shape) => elementwise(shape, Math.tanh),
  identity: (_, shape) => linearMap(shape, (x) => x.slice()),
  dropout: ({ factors }, shape) => linearMap(shape, (x) => x.map((value, i) => value * (factors?.[i] ?? 1))),
  flatten: (_, shape) => linearMap([sizeOf(shape)], (x) => x.slice()),
  ...norms,
};
