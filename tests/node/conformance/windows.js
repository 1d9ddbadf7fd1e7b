import { reshape, sizeOf, tensor } from './arrays.js';
import { NotExpressible } from './operator.js';

/** @typedef {import('./operator.js').Engine} Engine */
/** @typedef {import('./operator.js').Operator} Operator */
/** @typedef {import('./operator.js').Values} Values */

/**
 * How windows lie along one dimension of an image.
 *
 * @typedef {object} Axis
 * @property {number} size
 * @property {number} kernel
 * @property {number} stride
 * @property {number} dilation
 * @property {number} begin padding before
 * @property {number} end padding behind
 * @property {number} out windows
 */

const TRIVIAL = { size: 1, kernel: 1, stride: 1, dilation: 1, begin: 0, end: 0, out: 1 };

/**
 * @param {number[]} sizes of the image
 * @param {number[]} kernels
 * @param {Record<string, any>} attributes
 * @returns {Axis[]}
 */
function axesOf(sizes, kernels, attributes) {
  const rank = sizes.length;
  const ones = new Array(rank).fill(1);
  const { strides = ones, dilations = ones, pads = new Array(2 * rank).fill(0) } = attributes;
  const { auto_pad: autoPad = 'NOTSET', ceil_mode: ceil = 0 } = attributes;
  return sizes.map((size, d) => {
    const [kernel, stride, dilation] = [kernels[d], strides[d], dilations[d]];
    const span = (kernel - 1) * dilation + 1;
    if (autoPad.startsWith('SAME')) {
      const out = Math.ceil(size / stride);
      const padding = Math.max(0, (out - 1) * stride + span - size);
      const less = Math.floor(padding / 2);
      const [begin, end] = autoPad === 'SAME_UPPER' ? [less, padding - less] : [padding - less, less];
      return { size, kernel, stride, dilation, begin, end, out };
    }
    const [begin, end] = autoPad === 'VALID' ? [0, 0] : [pads[d], pads[d + rank]];
    const steps = (size + begin + end - span) / stride;
    let out = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // A last window that would start in the padding behind the image is left out.
    if (ceil && (out - 1) * stride >= size + begin) out--;
    return { size, kernel, stride, dilation, begin, end, out };
  });
}

/**
 * A model of one or more layers on a batch.
 *
 * @param {Engine} nl
 * @param {Values} x `[N, …]`
 * @param {import('normlab').LayerSpec[]} layers
 * @param {Record<string, Values>} [state]
 * @returns {Values}
 */
export function run(nl, x, layers, state = {}) {
  const model = nl.model({ input: x.shape.slice(1), seed: 0, layers });
  try {
    model.loadStateDict(Object.fromEntries(Object.entries(state).map(([key, values]) => [key, tensor(values)])));
    return model.forward(tensor(x));
  } finally {
    model.dispose();
  }
}

/**
 * Any convolution as one of two dimensions: the weight is laid out with zeros where the operator has none, and the depth
 * of a volume is folded into the channels, `[O, C / G, KD, KH, KW]` becoming `[O × OD, C × D, KH', KW']`.
 *
 * @param {Engine} nl
 * @param {Operator} node
 */
function conv(nl, { attributes, inputs, rewritten }) {
  const [x, weight, bias] = /** @type {[Values, Values, Values?]} */ (inputs);
  const [n, channels, ...sizes] = x.shape;
  const [outChannels, groupChannels, ...kernels] = weight.shape;
  const group = attributes.group ?? 1;
  const axes = axesOf(sizes, kernels, attributes);
  const rank = axes.length;
  if (rank === 1) rewritten('1-d windows as 2-d ones of height 1');
  if (rank === 3) rewritten('3-d convolution: depth folded into the channels, a banded weight');
  if (group > 1) rewritten('groups of a convolution: a block-diagonal weight');
  if (axes.slice(-2).some(({ dilation }) => dilation > 1)) rewritten('dilations of a convolution: zeros in the kernel');
  if (axes.some(({ begin, end }) => begin !== end)) rewritten('asymmetric padding: zeros beside the kernel');
  const [deep, high, wide] = [...new Array(3 - rank).fill(TRIVIAL), ...axes];
  const laid = [high, wide].map(({ kernel, dilation, begin, end }) => {
    const front = Math.max(0, end - begin);
    const back = Math.max(0, begin - end);
    return { front, dilation, kernel: front + (kernel - 1) * dilation + 1 + back, padding: Math.max(begin, end) };
  });
  const shape = [outChannels * deep.out, channels * deep.size, laid[0].kernel, laid[1].kernel];
  const data = new Float32Array(sizeOf(shape));
  for (let o = 0; o < outChannels; o++)
    for (let c = 0; c < groupChannels; c++)
      for (let z = 0; z < deep.out; z++)
        for (let kd = 0; kd < deep.kernel; kd++) {
          const depth = z * deep.stride - deep.begin + kd * deep.dilation;
          if (depth < 0 || depth >= deep.size) continue;
          const channel = Math.floor((o * group) / outChannels) * groupChannels + c;
          const to = ((o * deep.out + z) * shape[1] + channel * deep.size + depth) * shape[2] * shape[3];
          const from = ((o * groupChannels + c) * deep.kernel + kd) * high.kernel * wide.kernel;
          for (let kh = 0; kh < high.kernel; kh++)
            for (let kw = 0; kw < wide.kernel; kw++) {
              const row = laid[0].front + kh * laid[0].dilation;
              const column = laid[1].front + kw * laid[1].dilation;
              data[to + row * shape[3] + column] = weight.data[from + kh * wide.kernel + kw];
            }
        }
  const state = {
    '0.weight': { data, shape },
    ...(bias && {
      '0.bias': {
        data: Float32Array.from({ length: shape[0] }, (_, i) => bias.data[Math.floor(i / deep.out)]),
        shape: [shape[0]],
      },
    }),
  };
  const layer = {
    type: 'conv2d',
    outChannels: shape[0],
    kernelSize: laid.map(({ kernel }) => kernel),
    stride: [high.stride, wide.stride],
    padding: laid.map(({ padding }) => padding),
    bias: Boolean(bias),
  };
  const image = reshape(x, [n, channels * deep.size, high.size, wide.size]);
  const y = run(nl, image, [layer], state);
  return [reshape(y, [n, outChannels, ...axes.map(({ out }) => out)])];
}

/** Whether a layer of this padding has all of these windows, in this order. @param {Axis} axis */
const asItIs = ({ size, kernel, stride, dilation, begin, end, out }) =>
  dilation === 1 &&
  begin === end &&
  begin <= Math.floor(kernel / 2) &&
  out === Math.floor((size + 2 * begin - kernel) / stride) + 1;

/** First positions of the windows along an axis, in front of the image where negative. @param {Axis} axis */
const starts = ({ out, stride, begin }) => Array.from({ length: out }, (_, i) => i * stride - begin);

/**
 * Windows at every position, some of them cut by the image's edges: `values` holds those that start at `-before` and later.
 *
 * @typedef {object} Everywhere
 * @property {Values} values `[N, C, windows, windows]`
 * @property {number[]} before by axis
 */

/**
 * @param {Engine} nl
 * @param {'maxPool2d' | 'avgPool2d'} type
 * @param {Values} x
 * @param {number[]} kernelSize
 * @param {boolean} far whether windows are wanted that have less than half of themselves in the image
 * @returns {Everywhere}
 */
function everywhere(nl, type, x, kernelSize, far) {
  if (!far) {
    const before = kernelSize.map((kernel) => Math.floor(kernel / 2));
    const layer = { type, kernelSize, stride: 1, padding: before };
    return { values: run(nl, x, [layer]), before };
  }
  const before = kernelSize.map((kernel) => kernel - 1);
  if (type === 'maxPool2d') {
    // The largest of k values is the largest of the largest of pairs, k - 1 times over.
    const layers = Array.from({ length: Math.max(...before) }, (_, i) => {
      const two = before.map((times) => (i < times ? 2 : 1));
      return { type, kernelSize: two, stride: 1, padding: two.map((size) => size - 1) };
    });
    return { values: run(nl, x, layers), before };
  }
  const [n, channels, height, width] = x.shape;
  const layer = { type: 'conv2d', outChannels: 1, kernelSize, padding: before, bias: false };
  const weight = {
    data: new Float32Array(sizeOf(kernelSize)).fill(1 / sizeOf(kernelSize)),
    shape: [1, 1, ...kernelSize],
  };
  const y = run(nl, reshape(x, [n * channels, 1, height, width]), [layer], { '0.weight': weight });
  return { values: reshape(y, [n, channels, ...y.shape.slice(2)]), before };
}

/**
 * The pixels `phase`, `phase + step`, … of each axis.
 *
 * @param {Values} x `[N, C, H, W]`
 * @param {number[]} phases
 * @param {number[]} steps
 * @returns {Values}
 */
function everyNth({ data, shape: [n, c, height, width] }, phases, steps) {
  const rows = Math.ceil((height - phases[0]) / steps[0]);
  const columns = Math.ceil((width - phases[1]) / steps[1]);
  const taken = new Float32Array(n * c * rows * columns);
  for (let plane = 0, to = 0; plane < n * c; plane++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++, to++)
        taken[to] = data[(plane * height + phases[0] + row * steps[0]) * width + phases[1] + column * steps[1]];
  return { data: taken, shape: [n, c, rows, columns] };
}

/**
 * Every window of an operator from a pool that goes over each position: dilated ones from the pixels that they see alone.
 *
 * @param {Engine} nl
 * @param {'maxPool2d' | 'avgPool2d'} type
 * @param {Values} x `[N, C, H, W]`
 * @param {Axis[]} axes
 * @returns {Values}
 */
function picked(nl, type, x, axes) {
  const [n, channels] = x.shape;
  const steps = axes.map(({ dilation }) => dilation);
  const kernelSize = axes.map(({ kernel }) => kernel);
  const wanted = axes.map((axis) =>
    starts(axis).map((start) => {
      const phase = ((start % axis.dilation) + axis.dilation) % axis.dilation;
      return { phase, start: (start - phase) / axis.dilation };
    }),
  );
  const far = axes.some(({ size, kernel, dilation }, d) =>
    wanted[d].some(({ phase, start }) => {
      const seen = Math.ceil((size - phase) / dilation);
      const half = Math.floor(kernel / 2);
      return start < -half || start > seen + half - kernel;
    }),
  );
  /** @type {Map<string, Everywhere>} */
  const byPhase = new Map();
  const windowsOf = (/** @type {number[]} */ phases) => {
    const key = `${phases}`;
    const found = byPhase.get(key) ?? everywhere(nl, type, everyNth(x, phases, steps), kernelSize, far);
    byPhase.set(key, found);
    return found;
  };
  const shape = [n, channels, axes[0].out, axes[1].out];
  const data = new Float32Array(sizeOf(shape));
  for (let plane = 0, to = 0; plane < n * channels; plane++)
    for (const row of wanted[0])
      for (const column of wanted[1]) {
        const { values, before } = windowsOf([row.phase, column.phase]);
        const [, , height, width] = values.shape;
        const at = [row.start + before[0], column.start + before[1]];
        data[to++] = values.data[(plane * height + at[0]) * width + at[1]];
      }
  return { data, shape };
}

/** @param {'maxPool2d' | 'avgPool2d'} type */
const pool =
  (type) =>
  /** @param {Engine} nl @param {Operator} node */
  (nl, { attributes, inputs, outputs, rewritten }) => {
    const [x] = /** @type {Values[]} */ (inputs);
    if (outputs > 1) throw new NotExpressible('where the largest values were');
    const [n, channels, ...sizes] = x.shape;
    const given = axesOf(sizes, attributes.kernel_shape, attributes);
    if (given.length > 2) throw new NotExpressible('3-d windows of a pool');
    if (given.length === 1) rewritten('1-d windows as 2-d ones of height 1');
    const axes = [...new Array(2 - given.length).fill(TRIVIAL), ...given];
    const image = reshape(x, [n, channels, ...axes.map(({ size }) => size)]);
    let y;
    if (axes.every(asItIs)) {
      const layer = {
        type,
        kernelSize: axes.map(({ kernel }) => kernel),
        stride: axes.map(({ stride }) => stride),
        padding: axes.map(({ begin }) => begin),
      };
      y = run(nl, image, [layer]);
    } else {
      rewritten('dilations, ceil_mode or padding of a pool: its windows picked from those at every position');
      y = picked(nl, type, image, axes);
    }
    if (type === 'avgPool2d') y = overPart(y, axes, attributes.count_include_pad === 1, rewritten);
    return [reshape(y, [n, channels, ...given.map(({ out }) => out)])];
  };

/**
 * Averages over whole windows turned into those over the values that count.
 *
 * @param {Values} y `[N, C, OH, OW]`
 * @param {Axis[]} axes
 * @param {boolean} padded whether padding counts
 * @param {(how: string) => void} rewritten
 * @returns {Values}
 */
function overPart({ data, shape }, axes, padded, rewritten) {
  const counts = axes.map((axis) => {
    const [from, to] = padded ? [-axis.begin, axis.size + axis.end] : [0, axis.size];
    return starts(axis).map((start) => {
      const positions = Array.from({ length: axis.kernel }, (_, k) => start + k * axis.dilation);
      return positions.filter((position) => position >= from && position < to).length;
    });
  });
  const whole = axes[0].kernel * axes[1].kernel;
  const [rows, columns] = shape.slice(2);
  const scale = (/** @type {number} */ i) =>
    whole / (counts[0][Math.floor(i / columns) % rows] * counts[1][i % columns]);
  if (counts.some((count, d) => count.some((inside) => inside !== axes[d].kernel))) {
    rewritten('averages without the padding: those with it, times the window over its part inside');
  }
  return { data: Float32Array.from(data, (value, i) => value * scale(i)), shape };
}

/** @param {Engine} nl @param {Operator} node */
function globalAveragePool(nl, { inputs }) {
  const [x] = /** @type {Values[]} */ (inputs);
  if (x.shape.length !== 4) throw new NotExpressible('1-d or 3-d image');
  return [run(nl, x, [{ type: 'globalAvgPool2d' }])];
}

/** @param {Engine} nl @param {Operator} node */
function globalMaxPool(nl, { inputs }) {
  const [x] = /** @type {Values[]} */ (inputs);
  if (x.shape.length !== 4) throw new NotExpressible('1-d or 3-d image');
  return [run(nl, x, [{ type: 'maxPool2d', kernelSize: x.shape.slice(2) }])];
}

export const WINDOWS = {
  Conv: conv,
  MaxPool: pool('maxPool2d'),
  AveragePool: pool('avgPool2d'),
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
};
