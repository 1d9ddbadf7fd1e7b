import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assertWithin } from './support/assertions.js';
import { random } from './support/random.js';
import { EIGHT, freshRunning, reference } from './support/reference.js';
import { forEachVariant } from './support/variants.js';

// The same cases in each run, and an end to them on a slow machine.
const BOUNDED = { seed: 2024, numRuns: 300, interruptAfterTimeLimit: 6000 };

const size = (most) => fc.integer({ min: 1, max: most });
const spatial = fc.array(size(9), { maxLength: 2 });

const batchNorm = fc
  .record({
    n: size(9),
    channels: size(9),
    spatial,
    momentum: fc.constantFrom(0.1, 0.9, null),
    affine: fc.boolean(),
    trackRunningStats: fc.boolean(),
    runningVar: fc.constantFrom('unbiased', 'biased'),
  })
  .map(({ n, channels, spatial: rest, ...options }) => ({
    type: rest.length === 2 ? 'batchNorm2d' : 'batchNorm1d',
    arguments: [channels],
    options,
    shape: [n * rest.reduce((a, b) => a * b, 1) === 1 ? 2 : n, channels, ...rest],
    params: options.affine ? [channels] : null,
    biased: options.affine,
  }));

const layerNorm = fc
  .record({
    leading: fc.array(size(4), { maxLength: 2 }),
    normalized: fc.array(size(9), { minLength: 1, maxLength: 3 }),
    elementwiseAffine: fc.boolean(),
    bias: fc.boolean(),
  })
  .map(({ leading, normalized, ...options }) => ({
    type: 'layerNorm',
    arguments: [normalized],
    options,
    shape: [...leading, ...normalized],
    params: options.elementwiseAffine ? normalized : null,
    biased: options.elementwiseAffine && options.bias,
  }));

const groupNorm = fc
  .record({ n: size(5), groups: size(4), perGroup: size(5), spatial, affine: fc.boolean() })
  .map(({ n, groups, perGroup, spatial: rest, affine }) => ({
    type: 'groupNorm',
    arguments: [groups, groups * perGroup],
    options: { affine },
    shape: [n * perGroup * rest.reduce((a, b) => a * b, 1) === 1 ? 2 : n, groups * perGroup, ...rest],
    params: affine ? [groups * perGroup] : null,
    biased: affine,
  }));

const numbers = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  scale: fc.constantFrom(1e-6, 1e-2, 1, 300, 1e12),
  shift: fc.constantFrom(0, 1, -100, 3000),
  eps: fc.constantFrom(1e-5, 1e-3, 1),
  modes: fc.array(fc.constantFrom('train', 'eval'), { minLength: 1, maxLength: 3 }),
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
  for (const [name, layers] of Object.entries({ batchNorm, layerNorm, groupNorm })) {
    test(`${name} of any shape is within eight roundings of float64, forward and backward`, () => {
      fc.assert(
        fc.property(layers, numbers, (spec, { seed, scale, shift, eps, modes }) => {
          const { tensor } = random(seed);
          const options = { ...spec.options, eps };
          const state = {
            ...(spec.params && { weight: tensor(spec.params, 1, 1) }),
            ...(spec.biased && { bias: tensor(spec.params) }),
          };
          const layer = nl[spec.type](...spec.arguments, options);
          layer.loadStateDict(state, { strict: false });
          const settings = { ...spec, options, weight: state.weight?.data, bias: state.bias?.data };
          let running = options.trackRunningStats ? freshRunning(spec.arguments[0]) : null;
          for (const mode of modes) {
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
        BOUNDED,
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
