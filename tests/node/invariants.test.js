/*
 * What holds of normalization whatever the numbers: no expected values here, only relations between results.
 * Where two results come from the same operations on the same bits they must be equal to the bit; where the exact values
 * are equal but sums run in another order, within the reference's prediction for one of them.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { assertWithin } from './support/assertions.js';
import { LAYER_KINDS, makeLayer, numbers } from './support/layers.js';
import { random } from './support/random.js';
import { EIGHT, epsOf, FLOAT32, forward, product, reference, tracks } from './support/reference.js';
import { forEachVariant } from './support/variants.js';

// The same cases in each run, and an end to them on a slow machine.
const BOUNDED = { seed: 31, numRuns: 120, interruptAfterTimeLimit: 6000, includeErrorInReport: true };

/** @param {ArrayLike<number>} bounds */
const eightTimes = (bounds) => Float64Array.from(bounds, (bound) => EIGHT * bound);
const isBatchNorm = ({ type }) => type.startsWith('batchNorm');
/** Whether the first dimension counts samples. */
const hasSamples = ({ type, arguments: args, shape }) => {
  if (type === 'layerNorm' || type === 'rmsNorm') return shape.length > args[0].length;
  return !(type.startsWith('instanceNorm') && shape.length === Number(type.at(-2)) + 1);
};

/** The samples of these numbers, in that order. */
function pick({ data, shape }, samples) {
  const size = product(shape.slice(1));
  const picked = new Float32Array(samples.length * size);
  samples.forEach((n, i) => {
    picked.set(data.subarray(n * size, (n + 1) * size), i * size);
  });
  return { data: picked, shape: [samples.length, ...shape.slice(1)] };
}

/** @param {{ data: Float32Array, shape: number[] }} x @param {(value: number) => number} change */
const mapped = ({ data, shape }, change) => ({ data: data.map(change), shape: [...shape] });
/** Without the sign of zeros. @param {Float32Array} data */
const unsigned = (data) => data.map((value) => value + 0);

/** Forward and backward: { y, dx, dweight?, dbias? } as arrays. */
function pass(layer, x, dy) {
  const y = layer.forward(x).data;
  const { input, weight, bias } = layer.backward(dy);
  return { y, dx: input.data, ...(weight && { dweight: weight.data }), ...(bias && { dbias: bias.data }) };
}

/** Whole multiples of 1/64 up to 16, so that sums with whole numbers up to 1024 are exact. */
function onGrid(shape, seed) {
  const { below } = random(seed);
  return { data: Float32Array.from({ length: product(shape) }, () => (below(2048) - 1024) / 64), shape: [...shape] };
}

/** PyTorch's gradient of mean cross-entropy by the logits, in float64. */
function lossGradient({ data, shape: [n, classes] }, labels) {
  const dy = new Float64Array(n * classes);
  for (let i = 0; i < n; i++) {
    const row = Array.from(data.subarray(i * classes, (i + 1) * classes));
    const most = Math.max(...row);
    const sum = row.reduce((total, value) => total + Math.exp(value - most), 0);
    row.forEach((value, j) => {
      dy[i * classes + j] = (Math.exp(value - most) / sum - Number(j === labels[i])) / n;
    });
  }
  return dy;
}

await forEachVariant((nl) => {
  /** A property of layers of one kind; `body` gets the spec, a source of numbers, and a tensor maker of any scale. */
  const property = (kinds, body) =>
    kinds.forEach((kind) => {
      fc.assert(
        fc.property(LAYER_KINDS[kind], numbers, (spec, { seed, scale, shift }) => {
          const source = random(seed + 1);
          const draw = (shape = spec.shape) => source.tensor(shape, scale, scale * shift);
          body(spec, {
            ...source,
            draw,
            seed,
            make: (changed = {}, more = {}) => makeLayer(nl, { ...spec, ...changed }, seed, more),
          });
        }),
        BOUNDED,
      );
    });
  const ALL = Object.keys(LAYER_KINDS);
  const APART = ALL.filter((kind) => kind !== 'batchNorm');

  describe('what a sample depends on', () => {
    test('a batch gives the same bits each time it passes in training mode; only the running statistics move', () => {
      property(ALL, (spec, { draw, tensor, make }) => {
        const { layer } = make();
        const [x, dy] = [draw(), tensor(spec.shape)];
        const first = pass(layer, x, dy);
        const stats = layer.savedStats();
        const { running_mean, running_var, num_batches_tracked, ...parameters } = layer.stateDict();
        for (let i = 0; i < 2; i++) {
          assert.deepEqual(pass(layer, x, dy), first);
          assert.deepEqual(layer.savedStats(), stats);
        }
        const after = layer.stateDict();
        for (const key of Object.keys(parameters)) assert.deepEqual(after[key], parameters[key]);
        assert.equal('running_mean' in after, tracks(spec));
        if (!tracks(spec)) return;
        const { momentum } = spec.options;
        // Moving towards the same statistics again is no move for the momentum that is already there, or at none.
        if (momentum !== 0 && momentum !== 1 && momentum !== null) assert.notDeepEqual(after.running_var, running_var);
        else if (momentum !== null) assert.deepEqual(after.running_mean, running_mean);
        assert.equal(after.num_batches_tracked, num_batches_tracked + (isBatchNorm(spec) ? 2 : 0));
        layer.dispose();
      });
    });

    test("a sample's output and gradient, in training mode too, are those it has alone: all but BatchNorm", () => {
      property(APART, (spec, { draw, tensor, make, below }) => {
        fc.pre(hasSamples(spec));
        const n = below(spec.shape[0]);
        // One value in its group would be refused.
        fc.pre(spec.type !== 'groupNorm' || product(spec.shape.slice(1)) > spec.arguments[0]);
        const [{ layer }, { layer: alone }] = [make(), make()];
        const [x, dy] = [draw(), tensor(spec.shape)];
        const [all, one] = [pass(layer, x, dy), pass(alone, pick(x, [n]), pick(dy, [n]))];
        for (const key of ['y', 'dx'])
          assert.deepEqual(one[key], pick({ data: all[key], shape: spec.shape }, [n]).data, key);
        layer.dispose();
        alone.dispose();
      });
    });

    test("BatchNorm's sample changes with its batch mates in training mode, and does not in eval mode", () => {
      property(['batchNorm'], (spec, { tensor, make, uniform }) => {
        const shape = [spec.shape[0] + 3, ...spec.shape.slice(1)];
        // Of a size that eps does not drown.
        const [x, dy] = [tensor(shape, 3, 1), tensor(shape)];
        const size = product(shape.slice(1));
        const others = { data: x.data.map((value, i) => (i < size ? value : value * (2 + uniform()))), shape };
        const { layer } = make({}, { stir: true });
        /** What the first sample gets. */
        const first = (input, gradient) => {
          const { y, dx } = pass(layer, input, gradient);
          return [y.slice(0, size), dx.slice(0, size)];
        };
        layer.eval();
        const evaluated = [x, others].map((input) => first(input, dy));
        if (tracks(spec)) {
          assert.deepEqual(evaluated[1], evaluated[0]);
          assert.deepEqual(first(pick(x, [0]), pick(dy, [0])), evaluated[0], 'alone');
        }
        layer.train();
        const trained = [x, others].map((input) => first(input, dy));
        assert.notDeepEqual(trained[1][0], trained[0][0]);
        assert.notDeepEqual(trained[1][1], trained[0][1]);
        // Without running statistics eval mode is training mode.
        if (!tracks(spec)) assert.deepEqual(evaluated, trained);
        layer.dispose();
      });
    });

    test('the order of the samples is that of the outputs, and nothing else', () => {
      property(ALL, (spec, { draw, tensor, make, uniform }) => {
        fc.pre(hasSamples(spec));
        const n = spec.shape[0];
        const order = Array.from({ length: n }, (_, i) => [uniform(), i])
          .sort(([a], [b]) => a - b)
          .map(([, i]) => i);
        const [one, other] = [make(), make()];
        const [x, dy] = [draw(), tensor(spec.shape)];
        const [straight, shuffled] = [pass(one.layer, x, dy), pass(other.layer, pick(x, order), pick(dy, order))];
        const { bounds, running } = reference(one.settings, x, dy.data, 'train', one.running);
        for (const key of ['y', 'dx']) {
          const expected = pick({ data: straight[key], shape: spec.shape }, order).data;
          if (!isBatchNorm(spec)) assert.deepEqual(shuffled[key], expected, key);
          else {
            const bound = pick({ data: bounds[key], shape: spec.shape }, order).data;
            assertWithin(shuffled[key], expected, eightTimes(bound), key);
          }
        }
        for (const key of ['dweight', 'dbias'])
          if (straight[key]) assertWithin(shuffled[key], straight[key], eightTimes(bounds[key]), key);
        if (running) {
          const [a, b] = [one.layer.stateDict(), other.layer.stateDict()];
          assertWithin(b.running_mean.data, a.running_mean.data, eightTimes(running.meanError), 'running_mean');
          assertWithin(b.running_var.data, a.running_var.data, eightTimes(running.varianceError), 'running_var');
        }
        one.layer.dispose();
        other.layer.dispose();
      });
    });

    test('a batch and its copy together are normalized as it is alone', () => {
      property(['batchNorm'], (spec, { draw, tensor, make }) => {
        const [one, other] = [make(), make()];
        const x = draw();
        const twice = Array.from({ length: 2 * spec.shape[0] }, (_, i) => i % spec.shape[0]);
        const y = one.layer.forward(x).data;
        const both = other.layer.forward(pick(x, twice));
        const { bounds } = reference(one.settings, x, tensor(spec.shape).data, 'train', one.running);
        assertWithin(
          both.data,
          pick({ data: y, shape: spec.shape }, twice).data,
          eightTimes([...bounds.y, ...bounds.y]),
          'y',
        );
        one.layer.dispose();
        other.layer.dispose();
      });
    });
  });

  describe('one normalization as another', () => {
    const shapes = fc.record({
      n: fc.integer({ min: 1, max: 5 }),
      channels: fc.integer({ min: 1, max: 9 }),
      rest: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 }),
    });
    /** `body` with shape [n, channels, ...rest] of more than one value a plane. */
    const onShapes = (body) =>
      fc.assert(
        fc.property(
          shapes,
          numbers,
          fc.constantFrom(1e-5, 1e-2, 1),
          ({ n, channels, rest }, { seed, scale, shift }, eps) => {
            const planes = product(rest) > 1 ? rest : [...rest.slice(0, -1), 2];
            const shape = [n, channels, ...planes];
            const source = random(seed);
            const [x, dy] = [source.tensor(shape, scale, scale * shift), source.tensor(shape)];
            const made = [];
            /** A layer in a given state, which is disposed of. */
            const layer = (type, args, options, state = {}) => {
              const one = nl[type](...args, options);
              one.loadStateDict(state, { strict: false });
              made.push(one);
              return one;
            };
            body({ layer, x, dy, n, channels, planes, shape, eps, ...source });
            for (const one of made) one.dispose();
          },
        ),
        BOUNDED,
      );
    const reshaped = ({ data }, shape) => ({ data, shape });

    test('GroupNorm with one group is LayerNorm over [C, …] without parameters: the same bits, dx to rounding', () => {
      onShapes(({ layer, x, dy, channels, shape, eps }) => {
        const group = layer('groupNorm', [1, channels], { eps, affine: false });
        const rows = layer('layerNorm', [shape.slice(1)], { eps, elementwiseAffine: false });
        const [one, other] = [pass(group, x, dy), pass(rows, x, dy)];
        assert.deepEqual(one.y, other.y);
        assert.deepEqual(group.savedStats(), rows.savedStats());
        // Σ dy x̂ runs channel by channel in the one, along the row in the other: each is off by a rounding of its own.
        const settings = { type: 'groupNorm', arguments: [1, channels], options: { eps } };
        const { bounds } = reference(settings, x, dy.data, 'train', null);
        const both = bounds.dx.map((bound) => 2 * bound);
        assertWithin(one.dx, other.dx, both, 'dx');
      });
    });

    test('GroupNorm with C groups is InstanceNorm: the same bits in everything', () => {
      onShapes(({ layer, x, dy, n, channels, shape, eps, tensor }) => {
        fc.pre(n * product(shape.slice(2)) > 1);
        const state = { weight: tensor([channels], 1, 1), bias: tensor([channels]) };
        const group = layer('groupNorm', [channels, channels], { eps }, state);
        const instance = layer(`instanceNorm${shape.length - 2}d`, [channels], { eps, affine: true }, state);
        assert.deepEqual(pass(group, x, dy), pass(instance, x, dy));
        assert.deepEqual(group.savedStats(), instance.savedStats());
      });
    });

    test('InstanceNorm without a batch is InstanceNorm of one sample: the same bits', () => {
      onShapes(({ layer, x, dy, channels, shape, eps }) => {
        const options = { eps, affine: true, trackRunningStats: true };
        const type = `instanceNorm${shape.length - 2}d`;
        const [one, other] = [layer(type, [channels], options), layer(type, [channels], options)];
        const [first, gradient] = [pick(x, [0]), pick(dy, [0])];
        const bare = shape.slice(1);
        for (const mode of [true, false]) {
          one.train(mode);
          other.train(mode);
          assert.deepEqual(pass(one, reshaped(first, bare), reshaped(gradient, bare)), pass(other, first, gradient));
        }
        assert.deepEqual(one.stateDict(), other.stateDict());
      });
    });

    test('InstanceNorm over [N, C, L] is LayerNorm over L without parameters: the same bits, dx to rounding', () => {
      onShapes(({ layer, x, dy, channels, planes, eps }) => {
        const instance = layer(`instanceNorm${planes.length}d`, [channels], { eps });
        const rows = layer('layerNorm', [planes], { eps, elementwiseAffine: false });
        const settings = { type: 'layerNorm', arguments: [planes], options: { eps } };
        const { bounds } = reference(settings, x, dy.data, 'train', null);
        const [one, other] = [pass(instance, x, dy), pass(rows, x, dy)];
        assert.deepEqual(one.y, other.y);
        assert.deepEqual(instance.savedStats(), rows.savedStats());
        const both = bounds.dx.map((bound) => 2 * bound);
        assertWithin(one.dx, other.dx, both, 'dx');
      });
    });

    test('BatchNorm of one sample is InstanceNorm, running statistics too', () => {
      onShapes(({ layer, x, dy, channels, planes, eps, tensor }) => {
        const [sample, gradient] = [pick(x, [0]), pick(dy, [0])];
        const state = { weight: tensor([channels], 1, 1), bias: tensor([channels]) };
        const options = { eps, affine: true, trackRunningStats: true };
        const batch = layer(`batchNorm${planes.length}d`, [channels], options, state);
        const instance = layer(`instanceNorm${planes.length}d`, [channels], options, state);
        const settings = {
          type: 'batchNorm1d',
          arguments: [channels],
          options: { eps },
          weight: state.weight.data,
          bias: state.bias.data,
        };
        const { bounds } = reference(settings, sample, gradient.data, 'train', null);
        const [one, other] = [pass(batch, sample, gradient), pass(instance, sample, gradient)];
        for (const key of ['y', 'dx', 'dweight', 'dbias']) assertWithin(one[key], other[key], bounds[key], key);
        const [a, b] = [batch.stateDict(), instance.stateDict()];
        assert.deepEqual(a.running_mean, b.running_mean);
        // m / (m - 1) of the mean square, or the sum over m - 1: one rounding of float32 apart.
        assertWithin(
          a.running_var.data,
          b.running_var.data,
          b.running_var.data.map((value) => 2 * FLOAT32.unit * value),
          'running_var',
        );
      });
    });

    test('in eval mode InstanceNorm with running statistics is BatchNorm: the same bits', () => {
      onShapes(({ layer, x, dy, channels, planes, eps, tensor, uniform }) => {
        const state = {
          weight: tensor([channels], 1, 1),
          bias: tensor([channels]),
          running_mean: tensor([channels]),
          running_var: { data: Float32Array.from({ length: channels }, () => 0.5 + uniform()), shape: [channels] },
        };
        const options = { eps, affine: true, trackRunningStats: true };
        const [batch, instance] = ['batchNorm', 'instanceNorm'].map((kind) =>
          layer(`${kind}${planes.length}d`, [channels], options, state).eval(),
        );
        assert.deepEqual(pass(batch, x, dy), pass(instance, x, dy));
        assert.deepEqual(batch.savedStats(), instance.savedStats());
      });
    });

    test('BatchNorm 1d, 2d and 3d are one: the same bits for [N, C, L], [N, C, L, 1] and [N, C, 1, L, 1]', () => {
      onShapes(({ layer, x, dy, n, channels, planes, eps }) => {
        const length = product(planes);
        const results = [
          [n, channels, length],
          [n, channels, length, 1],
          [n, channels, 1, length, 1],
        ].map((shape) => {
          const one = layer(`batchNorm${shape.length - 2}d`, [channels], { eps });
          return { ...pass(one, reshaped(x, shape), reshaped(dy, shape)), state: one.stateDict() };
        });
        assert.deepEqual(results[1], results[0]);
        assert.deepEqual(results[2], results[0]);
      });
    });

    test('BatchNorm of the transpose is LayerNorm', () => {
      onShapes(({ layer, n, channels, eps, tensor }) => {
        fc.pre(channels > 1);
        const [x, dy] = [tensor([n, channels], 3, 5), tensor([n, channels])];
        const transpose = ({ data, shape: [rows, columns] }) => ({
          data: Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]),
          shape: [columns, rows],
        });
        const rows = layer('layerNorm', [channels], { eps, elementwiseAffine: false });
        const columns = layer('batchNorm1d', [n], { eps, affine: false });
        const [one, other] = [pass(rows, x, dy), pass(columns, transpose(x), transpose(dy))];
        const back = (data) => transpose({ data, shape: [channels, n] }).data;
        const settings = { type: 'layerNorm', arguments: [channels], options: { eps } };
        const { bounds } = reference(settings, x, dy.data, 'train', null);
        assertWithin(back(other.y), one.y, bounds.y, 'y');
        assertWithin(
          back(other.dx),
          one.dx,
          bounds.dx.map((bound) => 2 * bound),
          'dx',
        );
      });
    });

    test('where the mean is 0, RMSNorm is LayerNorm: the same bits', () => {
      onShapes(({ layer, n, channels, eps, below }) => {
        const half = onGrid([n, channels], below(2 ** 31));
        // Each row is half a row and its negative; sums of these numbers are exact.
        const data = Float32Array.from({ length: 2 * n * channels }, (_, i) => {
          const [row, column] = [Math.floor(i / (2 * channels)), i % (2 * channels)];
          return column < channels
            ? half.data[row * channels + column]
            : -half.data[row * channels + column - channels];
        });
        const x = { data, shape: [n, 2 * channels] };
        const rows = layer('layerNorm', [2 * channels], { eps, elementwiseAffine: false });
        const squares = layer('rmsNorm', [2 * channels], { eps, elementwiseAffine: false });
        assert.deepEqual(unsigned(squares.forward(x).data), unsigned(rows.forward(x).data));
        assert.deepEqual(squares.savedStats().invstd, rows.savedStats().invstd);
      });
    });
  });

  describe('gradients', () => {
    test('Σ dx = 0 and Σ dx x̂ = eps s³ Σ g x̂ in each group; RMSNorm the second alone', () => {
      // From dx = s (g - mean g - x̂ mean g x̂), Σ x̂ = 0 and Σ x̂² = m v / (v + eps). Both sums are 0 where eps is.
      property(ALL, (spec, { draw, tensor, make }) => {
        const { layer, settings } = make();
        const [x, dy] = [draw(), tensor(spec.shape)];
        const { dx } = pass(layer, x, dy);
        layer.dispose();
        const { bounds } = reference(settings, x, dy.data, 'train', null);
        const { xhat, invstd, means, count, group, param } = forward(settings, x, 'train', null);
        const sums = (value) => means(value).map((mean) => mean * count);
        const g = (i) => (settings.weight?.[param(i)] ?? 1) * dy.data[i];
        const expected = sums((i) => epsOf(spec) * invstd[group(i)] ** 3 * g(i) * xhat[i]);
        assertWithin(
          sums((i) => dx[i] * xhat[i]),
          expected,
          sums((i) => EIGHT * bounds.dx[i] * Math.abs(xhat[i])),
          'Σ dx x̂',
        );
        if (spec.type === 'rmsNorm') return;
        assertWithin(
          sums((i) => dx[i]),
          new Float64Array(invstd.length),
          sums((i) => EIGHT * bounds.dx[i]),
          'Σ dx',
        );
      });
    });

    test('dy that is constant, or a multiple of x̂, within a group has no effect on x', () => {
      property(ALL, (spec, { draw, make, normal }) => {
        const eps = 1e-12;
        // A weight would vary within the group.
        const plain = 'affine' in spec.options ? { affine: false } : { elementwiseAffine: false };
        const { layer, settings } = make({ options: { ...spec.options, ...plain, eps }, params: null, biased: false });
        const x = draw();
        const { xhat, invstd, group } = forward(settings, x, 'train', null);
        // RMSNorm takes no mean away.
        const a = invstd.map(() => (spec.type === 'rmsNorm' ? 0 : normal()));
        const b = invstd.map(normal);
        const dy = {
          data: Float32Array.from(xhat, (value, i) => a[group(i)] + b[group(i)] * value),
          shape: [...spec.shape],
        };
        const { dx } = pass(layer, x, dy);
        layer.dispose();
        const { bounds } = reference(settings, x, dy.data, 'train', null);
        const most = invstd.map(() => 0);
        xhat.forEach((value, i) => {
          most[group(i)] = Math.max(most[group(i)], Math.abs(value));
        });
        // With e the rounding of dy, dx is s (e - mean e - x̂ mean(e x̂)) and, for Σ x̂² = m v / (v + eps), s b x̂ eps s².
        const left = invstd.map((s, g) => {
          const e = FLOAT32.unit * (Math.abs(a[g]) + Math.abs(b[g]) * most[g]);
          return s * (e * (2 + most[g]) + Math.abs(b[g]) * most[g] * eps * s * s);
        });
        assertWithin(
          dx,
          new Float64Array(dx.length),
          bounds.dx.map((bound, i) => EIGHT * bound + left[group(i)]),
          'dx',
        );
      });
    });

    test("in eval mode BatchNorm's dx is weight * invstd * dy, whatever x was: not the training formula", () => {
      property(['batchNorm'], (spec, { draw, tensor, make }) => {
        fc.pre(tracks(spec));
        const { layer, settings } = make({}, { stir: true });
        const [x, other, dy] = [draw(), draw(), tensor(spec.shape)];
        layer.eval();
        const { dx } = pass(layer, x, dy);
        assert.deepEqual(pass(layer, other, dy).dx, dx);
        const { invstd } = layer.savedStats();
        const { param } = forward(settings, x, 'train', null);
        const exact = Float64Array.from(
          dy.data,
          (value, i) => (settings.weight?.[param(i)] ?? 1) * invstd[param(i)] * value,
        );
        // The factor is rounded once, the product once.
        assertWithin(
          dx,
          exact,
          exact.map((value) => 2 * FLOAT32.unit * Math.abs(value) + FLOAT32.tiny),
          'dx',
        );
        layer.train();
        assert.notDeepEqual(pass(layer, x, dy).dx, dx);
        layer.dispose();
      });
    });

    test('in eval mode BatchNorm is affine in x: the output of a middle is the middle of the outputs', () => {
      property(['batchNorm'], (spec, { make, seed }) => {
        fc.pre(tracks(spec));
        const { layer, settings, running } = make({}, { stir: true });
        const [one, other] = [onGrid(spec.shape, seed), onGrid(spec.shape, seed + 5)];
        const middle = { data: one.data.map((value, i) => (value + other.data[i]) / 2), shape: spec.shape };
        layer.eval();
        const [a, b, between] = [one, other, middle].map((x) => layer.forward(x).data);
        const bound = (x) => reference(settings, x, x.data, 'eval', running).bounds.y;
        const [p, q, r] = [bound(one), bound(other), bound(middle)];
        const allowed = p.map((value, i) => EIGHT * (value / 2 + q[i] / 2 + r[i]));
        assertWithin(
          between,
          Float64Array.from(a, (value, i) => (value + b[i]) / 2),
          allowed,
          'y',
        );
        layer.dispose();
      });
    });

    // The layer's output is the logits, so that the gradient that reaches it is known: dy = (softmax - labels) / N. A
    // bias in front of it adds the same to all values of a channel, which the mean takes away. Its gradient is Σ dx over
    // the channel: 0 for any x and dy, but for the rounding of each dx and of the sum.
    const before = [
      ['linear', { input: [7], layer: { type: 'linear', outFeatures: 5 }, shape: [6, 5] }],
      ['linear', { input: [3], layer: { type: 'linear', outFeatures: 9 }, shape: [33, 9] }],
      ['conv2d', { input: [2, 6, 5], layer: { type: 'conv2d', outChannels: 3, kernelSize: 3 }, shape: [4, 3, 4, 3] }],
      [
        'conv2d',
        {
          input: [1, 4, 4],
          layer: { type: 'conv2d', outChannels: 6, kernelSize: [2, 3], padding: 1 },
          shape: [3, 6, 5, 4],
        },
      ],
    ];
    for (const [name, { input, layer, shape }] of before) {
      for (const type of name === 'conv2d' ? ['batchNorm', 'instanceNorm'] : ['batchNorm']) {
        test(`a bias of ${name} before ${type} has gradient zero: ${shape}`, () => {
          const model = (norm) =>
            nl.model({ input, seed: 5, layers: [{ ...layer, name: 'before' }, ...norm, { type: 'flatten' }] });
          const [with_, without] = [model([{ type, name: 'norm' }]), model([])];
          without.loadStateDict(with_.stateDict(), { strict: false });
          const { tensor, labels: drawLabels } = random(33);
          const x = tensor([shape[0], ...input], 1, 0.5);
          const labels = drawLabels(shape[0], product(shape.slice(1)));
          const { grads, logits } = with_.gradients(x, labels);
          const inner = { data: without.forward(x).data, shape };
          const settings = {
            type: type === 'batchNorm' ? `batchNorm${Math.max(shape.length - 2, 1)}d` : 'instanceNorm2d',
            arguments: [shape[1]],
            options: {},
          };
          const { bounds, values } = reference(settings, inner, lossGradient(logits, labels), 'train', null);
          const { param } = forward({ ...settings, type: 'batchNorm1d' }, inner, 'train', null);
          const allowed = new Float64Array(shape[1]);
          const size = new Float64Array(shape[1]);
          bounds.dx.forEach((bound, i) => {
            allowed[param(i)] += EIGHT * (bound + FLOAT32.unit * Math.abs(values.dx[i]));
            size[param(i)] += Math.abs(values.dx[i]);
          });
          assertWithin(grads['before.bias'].data, new Float64Array(shape[1]), allowed, 'gradient of the bias');
          // That is little beside what is added up. Without normalization, or with fixed statistics, the sum is not 0.
          allowed.forEach((bound, c) => {
            assert.ok(bound < 1e-4 * size[c], `${bound} is allowed of a sum of ${size[c]}`);
          });
          const plain = without.gradients(x, labels).grads['before.bias'].data;
          assert.ok(
            plain.some((value, c) => Math.abs(value) > 100 * allowed[c]),
            'without it',
          );
          if (type === 'batchNorm') {
            const fixed = with_.eval().gradients(x, labels).grads['before.bias'].data;
            assert.ok(
              fixed.some((value, c) => Math.abs(value) > 100 * allowed[c]),
              'in eval mode',
            );
          }
          with_.dispose();
          without.dispose();
        });
      }
    }
  });

  describe('scale and shift', () => {
    test('of a x, a a power of 2, with eps a², y is that of x and dx 1 / a of it: the same bits', () => {
      property(ALL, (spec, { draw, tensor, make, below }) => {
        const a = 2 ** (below(17) - 8);
        const [x, dy] = [draw(), tensor(spec.shape)];
        const options = { ...spec.options, ...('momentum' in spec.options && { momentum: 1 }) };
        const { layer } = make({ options });
        const { layer: scaled } = make({ options: { ...options, eps: epsOf(spec) * a * a } });
        const one = pass(layer, x, dy);
        const other = pass(
          scaled,
          mapped(x, (value) => a * value),
          dy,
        );
        assert.deepEqual({ ...other, dx: other.dx.map((value) => a * value) }, one);
        const [{ mean, invstd }, known] = [scaled.savedStats(), layer.savedStats()];
        assert.deepEqual(
          mean,
          known.mean.map((value) => a * value),
        );
        assert.deepEqual(
          invstd,
          known.invstd.map((value) => value / a),
        );
        if (tracks(spec)) {
          const [{ running_mean, running_var }, state] = [scaled.stateDict(), layer.stateDict()];
          assert.deepEqual(
            running_mean.data,
            state.running_mean.data.map((value) => a * value),
          );
          assert.deepEqual(
            running_var.data,
            state.running_var.data.map((value) => a * a * value),
          );
        }
        layer.dispose();
        scaled.dispose();
      });
    });

    test('of a x, with the same eps, y is off by no more than eps is of the variance', () => {
      property(ALL, (spec, { tensor, make, below }) => {
        const options = { ...spec.options, eps: 1e-5 };
        const a = 2 ** (1 + below(12));
        const [x, dy] = [tensor(spec.shape, 1, 1), tensor(spec.shape)];
        const [{ layer, settings }, { layer: scaled }] = [make({ options }), make({ options })];
        const [y, other] = [layer.forward(x).data, scaled.forward(mapped(x, (value) => a * value)).data];
        const { bounds } = reference(settings, x, dy.data, 'train', null);
        const { xhat, variance, group, param } = forward(settings, x, 'train', null);
        // x̂ = d / sqrt(v + eps); with eps / a² instead it is larger by the factor sqrt((v + eps) / (v + eps / a²)).
        const allowed = y.map((_, i) => {
          const v = variance[group(i)];
          const factor = v === 0 ? 1 : Math.sqrt((v + 1e-5) / (v + 1e-5 / (a * a)));
          return EIGHT * bounds.y[i] * factor + (factor - 1) * Math.abs((settings.weight?.[param(i)] ?? 1) * xhat[i]);
        });
        assertWithin(other, y, allowed, 'y');
        layer.dispose();
        scaled.dispose();
      });
    });

    test('of -x, y is -y but for the bias and dx the same: the same bits', () => {
      property(ALL, (spec, { draw, tensor, make }) => {
        const { layer } = make();
        const zero = spec.biased && { data: new Float32Array(product(spec.params)), shape: spec.params };
        if (zero) layer.loadStateDict({ bias: zero }, { strict: false });
        const [x, dy] = [draw(), tensor(spec.shape)];
        const one = pass(layer, x, dy);
        const other = pass(
          layer,
          mapped(x, (value) => -value),
          dy,
        );
        assert.deepEqual(unsigned(other.y), unsigned(mapped({ data: one.y, shape: [] }, (value) => -value).data));
        assert.deepEqual(unsigned(other.dx), unsigned(one.dx));
        assert.deepEqual(other.dbias, one.dbias);
        layer.dispose();
      });
    });

    test('of x + b, y and dx are those of x; RMSNorm differs', () => {
      property(ALL, (spec, { tensor, make, below, seed }) => {
        // RMSNorm of one value is its sign.
        fc.pre(spec.type !== 'rmsNorm' || product(spec.arguments[0]) > 1);
        const { layer, settings } = make();
        const x = onGrid(spec.shape, seed);
        const b = 1 + below(1023);
        const shifted = mapped(x, (value) => value + b);
        const dy = tensor(spec.shape);
        const [one, other] = [pass(layer, x, dy), pass(layer, shifted, dy)];
        layer.dispose();
        if (spec.type === 'rmsNorm') {
          assert.notDeepEqual(other.y, one.y);
          return;
        }
        const { bounds } = reference(settings, shifted, dy.data, 'train', null);
        for (const key of ['y', 'dx', 'dweight', 'dbias'])
          if (one[key]) assertWithin(other[key], one[key], eightTimes(bounds[key]), key);
      });
    });
  });

  describe('running statistics', () => {
    test('eval mode changes nothing and gives the same bits each time', () => {
      property(ALL, (spec, { draw, tensor, make }) => {
        const { layer } = make({}, { stir: true });
        layer.forward(draw());
        layer.eval();
        const state = layer.stateDict();
        const [x, dy] = [draw(), tensor(spec.shape)];
        const first = pass(layer, x, dy);
        assert.deepEqual(pass(layer, x, dy), first);
        pass(layer, draw(), dy);
        assert.deepEqual(pass(layer, x, dy), first, 'another batch in between');
        assert.deepEqual(layer.stateDict(), state);
        layer.dispose();
      });
    });

    const TRACKING = ['batchNorm', 'instanceNorm'];
    const tracking = (spec, momentum) => ({ ...spec.options, trackRunningStats: true, momentum });

    test('momentum 0 leaves them, momentum 1 replaces them by those of the batch', () => {
      property(TRACKING, (spec, { draw, make }) => {
        const x = draw();
        const still = make({ options: tracking(spec, 0) }, { stir: true });
        const before = still.layer.stateDict();
        still.layer.forward(x);
        const { num_batches_tracked, ...after } = still.layer.stateDict();
        assert.equal(num_batches_tracked, isBatchNorm(spec) ? 1 : 0);
        assert.deepEqual(after, Object.fromEntries(Object.entries(before).filter(([key]) => key in after)));
        still.layer.dispose();

        // Whatever they were before.
        const [one, other] = [{}, { stir: true }].map((more) => make({ options: tracking(spec, 1) }, more).layer);
        for (const layer of [one, other]) layer.forward(x);
        assert.deepEqual(one.stateDict(), other.stateDict());
        if (isBatchNorm(spec)) {
          assert.deepEqual(one.stateDict().running_mean.data, Float32Array.from(one.savedStats().mean));
        }
        one.dispose();
        other.dispose();
      });
    });

    test('momentum null is the average over all batches so far', () => {
      property(['batchNorm'], (spec, { draw, tensor, make }) => {
        const options = tracking(spec, null);
        const made = make({ options }, { stir: true });
        let { running } = made;
        const seen = { mean: new Float64Array(spec.arguments[0]), variance: new Float64Array(spec.arguments[0]) };
        for (let k = 1; k <= 5; k++) {
          const x = draw();
          made.layer.forward(x);
          ({ running } = reference(made.settings, x, tensor(spec.shape).data, 'train', running));
          const { mean, variance, count } = forward(made.settings, x, 'train', null);
          const bessel = options.runningVar === 'unbiased' ? count / (count - 1) : 1;
          mean.forEach((value, c) => {
            seen.mean[c] += value;
            seen.variance[c] += bessel * variance[c];
          });
          const { running_mean, running_var, num_batches_tracked } = made.layer.stateDict();
          assert.equal(num_batches_tracked, k);
          assertWithin(
            running_mean.data,
            seen.mean.map((sum) => sum / k),
            eightTimes(running.meanError),
            `mean of ${k}`,
          );
          assertWithin(
            running_var.data,
            seen.variance.map((sum) => sum / k),
            eightTimes(running.varianceError),
            `variance of ${k}`,
          );
        }
        made.layer.dispose();
      });
    });

    test('resetRunningStats makes the layer as new, but for its parameters', () => {
      property(TRACKING, (spec, { draw, tensor, make }) => {
        const options = { ...spec.options, trackRunningStats: true };
        const [{ layer: used }, { layer: fresh }] = [make({ options }), make({ options })];
        const [x, dy] = [draw(), tensor(spec.shape)];
        for (let i = 0; i < 3; i++) used.forward(draw());
        used.resetRunningStats();
        assert.deepEqual(used.stateDict(), fresh.stateDict());
        for (const mode of [true, true, false]) {
          assert.deepEqual(pass(used.train(mode), x, dy), pass(fresh.train(mode), x, dy));
          assert.deepEqual(used.stateDict(), fresh.stateDict());
        }
        used.dispose();
        fresh.dispose();
      });
    });

    test('they have no part in training: any running statistics give the same bits', () => {
      property(TRACKING, (spec, { draw, tensor, make }) => {
        const options = { ...spec.options, trackRunningStats: true };
        const [{ layer: one }, { layer: other }] = [make({ options }), make({ options }, { stir: true })];
        const { weight, bias } = one.stateDict();
        other.loadStateDict({ ...(weight && { weight }), ...(bias && { bias }) }, { strict: false });
        const [x, dy] = [draw(), tensor(spec.shape)];
        assert.deepEqual(pass(one, x, dy), pass(other, x, dy));
        one.dispose();
        other.dispose();
      });
    });
  });
});
