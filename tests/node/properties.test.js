import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { assertWithin } from './support/assertions.js';
import { LAYER_KINDS, makeLayer, numbers } from './support/layers.js';
import { random } from './support/random.js';
import { EIGHT, FLOAT64, forward, reference } from './support/reference.js';
import { forEachVariant } from './support/variants.js';

// The same cases in each run, and an end to them on a slow machine.
const BOUNDED = { seed: 2024, numRuns: 300, interruptAfterTimeLimit: 6000, includeErrorInReport: true };
const LAYERS = { ...BOUNDED, numRuns: 500 };

const modes = fc.array(fc.constantFrom('train', 'eval'), { minLength: 1, maxLength: 3 });
const size = (most) => fc.integer({ min: 1, max: most });

/** The step of difference quotients, in deviations of the group: both truncation and rounding are small there. */
const STEP = 2 ** -13;

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
const dot = (a, b) => Array.prototype.reduce.call(a, (sum, value, i) => sum + value * b[i], 0);
const magnitude = (a, b) => dot(Array.from(a, Math.abs), Array.from(b, Math.abs));

/**
 * The derivative of φ(t) at 0 and what is unknown of it: Richardson's extrapolation of central differences with steps h
 * and h / 2, whose error is of order h⁴. What it is away from the better of the two, whose error is of order h², is
 * allowed; and the rounding of φ, `noise`, which division by h enlarges: 4/3 of it over h/2 and 1/3 over h, less than 4
 * over h.
 *
 * @param {(t: number) => number} phi
 * @param {number} h
 * @param {number} noise
 */
function derivative(phi, h, noise) {
  const central = (step) => (phi(step) - phi(-step)) / (2 * step);
  const [coarse, fine] = [central(h), central(h / 2)];
  const value = fine + (fine - coarse) / 3;
  return { value, unknown: Math.abs(value - fine) + (4 * noise) / h };
}

/**
 * Gradients against differences of the reference's forward pass, which shares nothing with a backward pass.
 *
 * With φ(t) = <y(x + t u), v> and dy = v: φ'(0) = <dx, u>. dx may be off by eight times its prediction at each value,
 * which <dx, u> sums up; likewise weight and bias, in which φ is linear.
 *
 * @param {object} layer as the reference takes it
 * @param {{ data: Float32Array, shape: number[] }} x
 * @param {Float32Array} v
 * @param {'train' | 'eval'} mode
 * @param {object | null} running
 * @param {{ dx: ArrayLike<number>, dweight?: ArrayLike<number>, dbias?: ArrayLike<number> }} gradients to be tested
 * @param {Float64Array[]} directions of x, in deviations
 */
function assertDerivatives(layer, x, v, mode, running, gradients, directions) {
  const { bounds } = reference(layer, x, v, mode, running);
  const { y, invstd, group } = forward(layer, x, mode, running);
  // What float64 may be off in y, summed up in φ.
  const noise = magnitude(v, reference(layer, x, v, mode, running, FLOAT64).bounds.y);
  const check = (phi, h, gradient, allowed, u, what) => {
    const { value, unknown } = derivative(phi, h, noise);
    assertWithin([dot(gradient, u)], [value], EIGHT * magnitude(allowed, u) + unknown, what);
  };
  for (const direction of directions) {
    const u = direction.map((value, i) => value / invstd[group(i)]);
    const moved = (t) => ({ data: Float64Array.from(x.data, (value, i) => value + t * u[i]), shape: x.shape });
    const phi = (t) => dot(forward(layer, moved(t), mode, running).y, v);
    check(phi, STEP, gradients.dx, bounds.dx, u, `${mode} <dx, u>, y of size ${y.length}`);
  }
  for (const key of ['weight', 'bias']) {
    const gradient = gradients[`d${key}`];
    if (!gradient) continue;
    const u = Float64Array.from(gradient, (_, i) => Math.sin(i + 1));
    const phi = (t) => {
      const parameter = Float64Array.from(layer[key], (value, i) => value + t * u[i]);
      return dot(forward({ ...layer, [key]: parameter }, x, mode, running).y, v);
    };
    check(phi, 1, gradient, bounds[`d${key}`], u, `${mode} <d${key}, u>`);
  }
}

const normals = (count, seed) => {
  const { normal } = random(seed);
  return Float64Array.from({ length: count }, normal);
};
/** Each coordinate by itself. */
const coordinates = (count) => Array.from({ length: count }, (_, i) => new Float64Array(count).fill(1, i, i + 1));

describe('the gradient check', () => {
  // What it is for: each of these wrong gradients must be noticed.
  const wrong = {
    'dx without the mean of g x̂': ({ dx, s, g2, xhat }) => ({
      dx: dx.map((value, i) => value + s(i) * xhat[i] * g2(i)),
    }),
    'dx with constant statistics': ({ g, s, dx }) => ({ dx: dx.map((_, i) => s(i) * g(i)) }),
    'dx with the divisor m - 1': ({ dx, count }) => ({ dx: dx.map((value) => value * Math.sqrt((count - 1) / count)) }),
    'dx with the other sign': ({ dx }) => ({ dx: dx.map((value) => -value) }),
    'dweight of x - mean': ({ dweight, s }) => ({ dweight: dweight.map((value, p) => value / s(p)) }),
  };
  const wrongOfCentered = {
    ...wrong,
    'dx without the mean of g': ({ dx, s, g1 }) => ({ dx: dx.map((value, i) => value + s(i) * g1(i)) }),
    'dbias for dweight': ({ dbias }) => ({ dweight: dbias }),
    'dbias of one sample less': ({ dbias, v }) => ({ dbias: dbias.map((value, p) => value - v[p]) }),
  };
  const layers = [
    { type: 'batchNorm1d', arguments: [3], options: {}, shape: [5, 3] },
    { type: 'layerNorm', arguments: [[7]], options: {}, shape: [3, 7] },
    { type: 'groupNorm', arguments: [2, 4], options: {}, shape: [2, 4, 3] },
    { type: 'instanceNorm1d', arguments: [3], options: { affine: true }, shape: [2, 3, 5] },
    { type: 'rmsNorm', arguments: [[7]], options: {}, shape: [3, 7] },
  ];
  for (const spec of layers) {
    test(`accepts the reference's own gradients and no wrong ones: ${spec.type}`, () => {
      const { tensor } = random(31);
      const params = spec.type === 'layerNorm' || spec.type === 'rmsNorm' ? 7 : spec.shape[1];
      const layer = { ...spec, weight: tensor([params], 1, 1).data, bias: tensor([params]).data };
      if (spec.type === 'rmsNorm') layer.bias = undefined;
      const [x, v] = [tensor(spec.shape, 2, 1), tensor(spec.shape).data];
      const { dx, dweight, dbias } = reference(layer, x, v, 'train', null).values;
      const right = { dx, dweight, dbias: layer.bias && dbias };
      const directions = [normals(dx.length, 32)];
      assertDerivatives(layer, x, v, 'train', null, right, directions);
      const { xhat, invstd, group, param, means, count } = forward(layer, x, 'train', null);
      const g = (i) => layer.weight[param(i)] * v[i];
      const [g1, g2] = [means(g), means((i) => g(i) * xhat[i])];
      const parts = {
        ...right,
        v,
        g,
        xhat,
        count,
        s: (i) => invstd[group(i)],
        g1: (i) => g1[group(i)],
        g2: (i) => g2[group(i)],
      };
      for (const [name, change] of Object.entries(spec.type === 'rmsNorm' ? wrong : wrongOfCentered)) {
        const gradients = { ...right, ...change(parts) };
        const check = () => assertDerivatives(layer, x, v, 'train', null, gradients, directions);
        assert.throws(check, assert.AssertionError, name);
      }
    });
  }
});

const window = fc
  .record({
    n: size(3),
    channels: size(4),
    out: size(5),
    image: fc.tuple(size(9), size(9)),
    kernel: fc.tuple(size(4), size(4)),
    stride: fc.tuple(size(3), size(3)),
    padding: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })),
    bias: fc.boolean(),
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
  })
  .filter(({ image, kernel, padding }) => [0, 1].every((i) => image[i] + 2 * padding[i] >= kernel[i]));

/** Calls `body(y, x, w)` with the flat indices of each product that the convolution sums. */
function eachProduct({ n, channels, out, image: [h, w], kernel: [kh, kw], stride, padding }, [oh, ow], body) {
  for (let i = 0; i < n; i++)
    for (let o = 0; o < out; o++)
      for (let y = 0; y < oh; y++)
        for (let x = 0; x < ow; x++)
          for (let c = 0; c < channels; c++)
            for (let a = 0; a < kh; a++)
              for (let b = 0; b < kw; b++) {
                const [iy, ix] = [y * stride[0] + a - padding[0], x * stride[1] + b - padding[1]];
                if (iy < 0 || ix < 0 || iy >= h || ix >= w) continue;
                const [at, from] = [((i * out + o) * oh + y) * ow + x, ((i * channels + c) * h + iy) * w + ix];
                body(at, from, ((o * channels + c) * kh + a) * kw + b, o);
              }
}

await forEachVariant((nl) => {
  for (const [name, layers] of Object.entries(LAYER_KINDS)) {
    test(`${name} of any shape is within eight roundings of float64, forward and backward`, () => {
      fc.assert(
        fc.property(layers, numbers, modes, (spec, { seed, scale, shift }, passes) => {
          const { tensor } = random(seed + 1);
          const made = makeLayer(nl, spec, seed);
          const { layer, settings } = made;
          let { running } = made;
          for (const mode of passes) {
            const x = tensor(spec.shape, scale, scale * shift);
            const dy = tensor(spec.shape);
            const { values, bounds, running: next } = reference(settings, x, dy.data, mode, running);
            running = next;
            const within = (actual, key) => {
              const allowed = bounds[key].map((bound) => EIGHT * bound);
              assertWithin(actual, values[key], allowed, `${mode} ${key}`);
            };
            layer.train(mode === 'train');
            within(layer.forward(x).data, 'y');
            within(layer.savedStats().mean, 'mean');
            within(layer.savedStats().invstd, 'invstd');
            const { input, weight, bias } = layer.backward(dy);
            within(input.data, 'dx');
            assert.equal(weight !== undefined, spec.params !== null);
            assert.equal(bias !== undefined, spec.biased);
            if (weight) within(weight.data, 'dweight');
            if (bias) within(bias.data, 'dbias');
            if (!running) continue;
            const { running_mean, running_var } = layer.stateDict();
            assertWithin(
              running_mean.data,
              running.mean,
              running.meanError.map((error) => EIGHT * error),
              'running_mean',
            );
            const allowed = running.varianceError.map((error) => EIGHT * error);
            assertWithin(running_var.data, running.variance, allowed, 'running_var');
          }
          layer.dispose();
        }),
        LAYERS,
      );
    });

    test(`${name}'s gradients are the derivatives of the reference's forward pass`, () => {
      fc.assert(
        fc.property(layers, numbers, fc.constantFrom('train', 'eval'), (spec, { seed, scale, shift }, mode) => {
          const { tensor } = random(seed + 1);
          const { layer, settings, running } = makeLayer(nl, spec, seed, { stir: true });
          const [x, v] = [tensor(spec.shape, scale, scale * shift), tensor(spec.shape)];
          // Without eps, equal values are 0 / 0, which has no derivative.
          fc.pre(forward(settings, x, mode, running).invstd.every((invstd) => invstd > 0));
          layer.train(mode === 'train');
          layer.forward(x);
          const { input, weight, bias } = layer.backward(v);
          layer.dispose();
          const gradients = { dx: input.data, dweight: weight?.data, dbias: bias?.data };
          const count = x.data.length;
          const directions = [normals(count, seed + 2), ...(count <= 24 ? coordinates(count) : [])];
          assertDerivatives(settings, x, v.data, mode, running, gradients, directions);
        }),
        LAYERS,
      );
    });
  }

  test('conv2d with any window is the sum that it should be, and so are its gradients', () => {
    fc.assert(
      fc.property(window, (spec) => {
        const { n, channels, out, image, kernel, stride, padding, bias, seed } = spec;
        const { tensor, labels: drawLabels } = random(seed);
        const layer = { type: 'conv2d', outChannels: out, kernelSize: kernel, stride, padding, bias };
        const model = nl.model({
          input: [channels, ...image],
          seed: seed % 1000,
          layers: [layer, { type: 'flatten' }],
        });
        const state = model.stateDict();
        const w = state['0.weight'].data;
        const { shape } = model.layers[0];
        const plane = shape.slice(1);
        assert.deepEqual(shape, [
          out,
          ...[0, 1].map((i) => Math.floor((image[i] + 2 * padding[i] - kernel[i]) / stride[i]) + 1),
        ]);
        const x = tensor([n, channels, ...image]);
        const classes = shape.reduce((a, b) => a * b, 1);
        const labels = drawLabels(n, classes);
        const logits = model.forward(x);
        const { grads, input } = model.gradients(x, labels);

        /** A sum and the size of its terms, each of which is rounded in the best of cases. */
        const sums = (length) => ({ values: new Float64Array(length), sizes: new Float64Array(length) });
        const add = (to, at, term) => {
          to.values[at] += term;
          to.sizes[at] += Math.abs(term);
        };
        const y = sums(n * classes);
        const channelOf = (at) => Math.floor((at % classes) / (plane[0] * plane[1]));
        if (bias) for (let at = 0; at < n * classes; at++) add(y, at, state['0.bias'].data[channelOf(at)]);
        eachProduct(spec, plane, (at, from, weight) => add(y, at, w[weight] * x.data[from]));
        const within = (actual, { values, sizes }, what, carried = 0) =>
          assertWithin(
            actual,
            values,
            sizes.map((terms) => (EIGHT * 2 ** -24 + carried) * terms + 2 ** -149),
            what,
          );
        within(logits.data, y, 'y');

        // The gradient of cross-entropy, and what it is off by where the logits are: their error, relative.
        const dy = new Float64Array(n * classes);
        let off = 0;
        for (let i = 0; i < n; i++) {
          const row = y.values.subarray(i * classes, (i + 1) * classes);
          const most = Math.max(...row);
          const sum = row.reduce((total, value) => total + Math.exp(value - most), 0);
          row.forEach((value, j) => {
            dy[i * classes + j] = (Math.exp(value - most) / sum - Number(j === labels[i])) / n;
          });
          off = Math.max(off, 2 * EIGHT * 2 ** -24 * Math.max(...y.sizes.subarray(i * classes, (i + 1) * classes)));
        }
        const [dx, dw, db] = [sums(x.data.length), sums(w.length), sums(out)];
        eachProduct(spec, plane, (at, from, weight) => {
          add(dx, from, dy[at] * w[weight]);
          add(dw, weight, dy[at] * x.data[from]);
        });
        for (let at = 0; at < dy.length; at++) add(db, channelOf(at), dy[at]);
        within(input.data, dx, 'dx', off);
        within(grads['0.weight'].data, dw, 'dweight', off);
        if (bias) within(grads['0.bias'].data, db, 'dbias', off);
        model.dispose();
      }),
      BOUNDED,
    );
  });
});
