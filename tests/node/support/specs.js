import fc from 'fast-check';

/** @typedef {{ kind: string, a: number, b: number, c: number, yes: boolean, also: boolean, eps: number }} Draw */

const PLAIN = ['relu', 'gelu', 'sigmoid', 'tanh', 'identity', 'dropout'];
const SPATIAL = ['conv2d', 'maxPool2d', 'avgPool2d', 'globalAvgPool2d'];
const NORMS = ['batchNorm', 'batchRenorm', 'layerNorm', 'groupNorm', 'instanceNorm', 'rmsNorm'];

const draw = fc.record({
  // Normalizations and convolutions more often than the rest.
  kind: fc.constantFrom(...NORMS, ...NORMS, ...PLAIN, ...SPATIAL, 'conv2d', 'linear', 'residual', 'flatten'),
  a: fc.integer({ min: 0, max: 5 }),
  b: fc.integer({ min: 0, max: 5 }),
  c: fc.integer({ min: 0, max: 5 }),
  yes: fc.boolean(),
  also: fc.boolean(),
  // Large enough that chains of normalizations over dead channels do not blow float32's rounding up without bounds.
  eps: fc.constantFrom(0.03, 0.1, 0.5),
});

/**
 * The layer that is drawn, as far as it is legal where it stands, and the shape behind it.
 *
 * @param {Draw} draw
 * @param {number[]} shape that reaches it
 * @param {number} n samples
 * @param {Draw[]} inner for the branch of a residual
 * @param {string} before type of the layer before it
 * @returns {{ layer: Record<string, any>, shape: number[] } | null} null: illegal
 */
function fit({ kind, a, b, c, yes, also, eps }, shape, n, inner, before) {
  const [channels, height, width] = shape;
  const flat = shape.length === 1;
  const spatial = flat ? 1 : height * width;
  const norm = (/** @type {object} */ options) => ({ layer: { type: kind, ...options, eps }, shape });
  const slide = (/** @type {number} */ size, /** @type {number} */ kernel, /** @type {number} */ stride, pad = 0) =>
    Math.floor((size + 2 * pad - kernel) / stride) + 1;
  if (SPATIAL.includes(kind) && flat) return null;
  switch (kind) {
    case 'conv2d': {
      const kernelSize = [1 + (a % 3), 1 + (b % 3)];
      const stride = [1 + (c % 2), 1 + (a % 2)];
      // No window may lie in the padding altogether, where the output would be constant.
      const padding = kernelSize.map((size) => Math.min(size - 1, b % 2));
      const outChannels = 1 + c;
      const out = [height, width].map((size, i) => slide(size, kernelSize[i], stride[i], padding[i]));
      if (Math.min(...out) < 1) return null;
      const weightStandardization = also && channels * kernelSize[0] * kernelSize[1] > 1;
      return {
        layer: { type: kind, outChannels, kernelSize, stride, padding, bias: yes, weightStandardization },
        shape: [outChannels, ...out],
      };
    }
    case 'maxPool2d':
    case 'avgPool2d': {
      const kernelSize = 2 + (a % 2);
      const [stride, padding] = [yes ? null : 1 + (b % 3), also ? 1 : 0];
      const out = [height, width].map((size) => slide(size, kernelSize, stride ?? kernelSize, padding));
      return Math.min(...out) < 1
        ? null
        : { layer: { type: kind, kernelSize, stride, padding }, shape: [channels, ...out] };
    }
    case 'globalAvgPool2d':
      // Means of normalized values are constants, whose rounding the next normalization would blow up.
      if (NORMS.includes(before)) return null;
      return { layer: { type: kind }, shape: [channels, 1, 1] };
    case 'flatten':
      return { layer: { type: kind }, shape: [channels * spatial] };
    case 'linear':
      return flat ? { layer: { type: kind, outFeatures: 2 + a, bias: yes }, shape: [2 + a] } : null;
    case 'batchNorm':
      return n * spatial === 1 ? null : norm({ affine: yes, bias: b > 0, trackRunningStats: also });
    case 'batchRenorm':
      return n * spatial === 1 ? null : norm({ affine: yes, bias: b > 0, rMax: 1 + a, dMax: c });
    case 'groupNorm': {
      const numGroups = [1, channels, 2, 3][a % 4];
      if (channels % numGroups > 0 || (channels / numGroups) * spatial === 1) return null;
      return norm({ numGroups, affine: yes, bias: also });
    }
    case 'instanceNorm':
      return spatial === 1 ? null : norm({ affine: yes, trackRunningStats: also });
    case 'layerNorm':
    case 'rmsNorm': {
      const normalizedShape = also ? shape : shape.slice(a % shape.length);
      // Of a single value nothing is left but the bias.
      if (normalizedShape.reduce((size, dim) => size * dim, 1) === 1) return null;
      const affine = { elementwiseAffine: yes, ...(kind === 'layerNorm' && { bias: b > 0 }) };
      return norm({ ...(also ? {} : { normalizedShape }), ...affine });
    }
    case 'dropout':
      return { layer: { type: kind, p: [0, 0.2, 0.5][a % 3] }, shape };
    case 'residual': {
      const body = fitAll(inner, shape, n);
      const shortcut = c > 2 ? fitAll(inner.slice(1), shape, n) : { layers: [], shape };
      if (body.layers.length === 0 || `${body.shape}` !== `${shortcut.shape}`) return null;
      return { layer: { type: kind, body: body.layers, shortcut: shortcut.layers }, shape: body.shape };
    }
    default:
      return { layer: { type: kind }, shape };
  }
}

/**
 * @param {Draw[]} draws those that are illegal are left out
 * @param {number[]} shape
 * @param {number} n
 */
function fitAll(draws, shape, n) {
  /** @type {Record<string, any>[]} */
  const layers = [];
  draws.forEach((one, i) => {
    const inner = one.kind === 'residual' ? draws.slice(i + 1, i + 4) : [];
    const fitted = fit(one, shape, n, inner, layers.at(-1)?.type);
    if (!fitted) return;
    layers.push(fitted.layer);
    shape = fitted.shape;
  });
  return { layers, shape };
}

/** Small models of any layers in any order, with a batch size that is legal for them. */
export const specs = fc
  .record({
    n: fc.integer({ min: 2, max: 5 }),
    input: fc.oneof(
      fc.tuple(fc.integer({ min: 1, max: 9 })),
      fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })),
    ),
    draws: fc.array(draw, { minLength: 1, maxLength: 9 }),
    classes: fc.integer({ min: 2, max: 6 }),
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
  })
  .map(({ n, input, draws, classes, seed }) => {
    const { layers } = fitAll(draws, input, n);
    const head = [{ type: 'flatten' }, { type: 'linear', outFeatures: classes }];
    return { batchSize: n, spec: { input, seed, layers: [...layers, ...head] } };
  });
