import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as normlab from 'normlab';
import { CALLS, membersOf, worldOf } from './hostile/calls.js';
import { layerUses, specs } from './hostile/specs.js';
import { argumentLists, edited, edits, made, OWN, recipes } from './hostile/values.js';
import { forEachVariant } from './support/variants.js';

/*
 * Anything at all as the arguments of anything public: a call gives a result or throws a NormlabError, and the engine
 * computes afterwards what it computed before. What an argument throws by itself comes through as it is.
 */

const { NormlabError } = normlab;

const SEED = 20;
/** The first variant in full, the others, whose JavaScript is the same, in part. */
const RUNS = { relaxed: 3000, simd: 300, scalar: 300 };
/** Far above what the good calls need, far below what absurd sizes would take. */
const MOST_BYTES = 128 * 2 ** 20;
const CODES = ['argument', 'shape', 'state', 'memory', 'format', 'io', 'unsupported', 'diverged'];

/** What JavaScript says when a revoked proxy is looked at, and when a class is called back. */
const OF_THE_ARGUMENT = /has been revoked|^Class constructor/;

/** Functions whose results have parts that are the caller's own, such as names. */
const HOLD_WHAT_WAS_GIVEN = ['normlab.makeDataset', 'normlab.presetSpec', 'engine.idx', 'engine.cifar10', 'engine.npz'];

/** @param {unknown} error @param {string} what */
function assertExpected(error, what) {
  if (error === OWN || (error instanceof TypeError && OF_THE_ARGUMENT.test(error.message))) return;
  const text = error instanceof Error ? error.stack : typeof error;
  assert.ok(error instanceof NormlabError, `${what}: threw ${text}`);
  assert.ok(CODES.includes(error.code), `${what}: code ${error.code}: ${error.message}`);
  assert.match(error.message, /\S/, what);
}

/** @param {string} what @param {() => unknown} use */
function attempt(what, use) {
  try {
    return use();
  } catch (error) {
    assertExpected(error, what);
    return undefined;
  }
}

/**
 * Whatever tensors are in a result have the values that their shapes promise.
 *
 * @param {string} what
 * @param {any} result
 * @param {number} [depth]
 */
function assertWellFormed(what, result, depth = 0) {
  if (depth > 3 || result === null || typeof result !== 'object' || ArrayBuffer.isView(result)) return;
  const { data, shape } = result;
  if (data instanceof Float32Array && shape) {
    // Array.from makes undefined of holes.
    const sizes = Array.from(shape);
    assert.ok(
      sizes.every((size) => Number.isInteger(size)),
      `${what}: shape ${sizes}`,
    );
    assert.equal(
      data.length,
      sizes.reduce((a, b) => a * b, 1),
      `${what}: values for ${sizes}`,
    );
  } else if ([Object.prototype, Array.prototype].includes(Object.getPrototypeOf(result))) {
    for (const [key, part] of Object.entries(result)) assertWellFormed(`${what}.${key}`, part, depth + 1);
  }
}

/** What this engine computes on a good day. @param {import('normlab').Engine} nl */
function knownAnswers(nl) {
  const x = { data: Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)), shape: [6, 4] };
  const layer = nl.batchNorm1d(4);
  const spec = { input: [4], seed: 5, layers: [{ type: 'linear', outFeatures: 3 }, { type: 'batchNorm' }] };
  const model = nl.model(spec);
  try {
    return [layer.forward(x), layer.backward(x), layer.stateDict(), model.gradients(x, [0, 1, 2, 0, 1, 2])];
  } finally {
    layer.dispose();
    model.dispose();
  }
}

/** @param {number[]} shape @param {number} [value] */
const filled = (shape, value = 0.5) => ({
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value),
  shape,
});

/** All that a model does. @param {import('normlab').Engine} nl @param {string} what @param {import('normlab').Model} model */
function useModel(nl, what, model) {
  const attemptTo = (/** @type {string} */ name, /** @type {() => unknown} */ use) =>
    assertWellFormed(`${what}.${name}`, attempt(`${what}.${name}`, use));
  attemptTo('layers', () => [model.layers, model.parameters, model.classes, model.stateDict()]);
  const shape = [2, ...model.input];
  if (shape.reduce((a, b) => a * b, 1) > 2 ** 12) return;
  attemptTo('forward', () => model.forward(filled(shape)));
  attemptTo('gradients', () => model.gradients(filled(shape), [0, 0]));
  attemptTo('compareModes', () => model.compareModes(filled(shape), { labels: [0, 0], bins: 4 }));
  attemptTo('eval', () => model.eval().gradients(filled(shape), [0, 0]));
  attemptTo('step', () => {
    const trainer = nl.trainer(model, { optimizer: { lr: 0.1, momentum: 0.9 } });
    try {
      return [trainer.step(filled(shape), [0, 0]), trainer.step(filled([3, ...model.input]), [0, 0, 0])];
    } finally {
      trainer.dispose();
    }
  });
}

/** Uses what a call has made, and gives it up. @param {import('normlab').Engine} nl @param {string} what @param {any} result */
function useUp(nl, what, result) {
  if (typeof result?.gradients === 'function') useModel(nl, what, result);
  if (typeof result?.batch === 'function') attempt(`${what}.batch`, () => result.batch([0]));
  if (typeof result?.dispose === 'function') result.dispose();
}

/**
 * Waits for a promise. A training that goes on for as many epochs as it was told to is ended from outside.
 *
 * @param {string} what
 * @param {Promise<unknown>} promise
 * @param {import('./hostile/calls.js').World} world
 */
async function settled(what, promise, { trainer }) {
  const timer = setTimeout(() => trainer.dispose(), 50);
  try {
    return await promise;
  } catch (error) {
    assertExpected(error, what);
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * One call.
 *
 * @param {import('./hostile/calls.js').World} world
 * @param {string} path
 * @param {unknown[]} args
 */
async function call(world, path, args) {
  const [kind, name] = path.split('.');
  const target = /** @type {any} */ (world)[kind];
  const result = attempt(path, () => {
    if (!name.endsWith('=')) return target[name](...args);
    target[name.slice(0, -1)] = args[0];
    return undefined;
  });
  const value = result instanceof Promise ? await settled(path, result, world) : result;
  if (!HOLD_WHAT_WAS_GIVEN.includes(path)) assertWellFormed(path, value);
  if (value !== target) useUp(world.engine, path, value);
}

/** @param {import('./hostile/calls.js').World} world @param {string} path @param {import('./hostile/values.js').Arguments} given */
function argumentsOf(world, path, given) {
  const args = 'anything' in given ? given.anything.map(made) : goodButFor(world, path, given);
  return path === SWEEP ? bounded(args) : args;
}

/** @param {import('./hostile/calls.js').World} world @param {string} path @param {{ good: number, edits: any[] }} given */
function goodButFor(world, path, given) {
  const good = CALLS[path](world);
  return edited(good[given.good % good.length], given.edits);
}

/** A sweep is ended from outside too, and has no threads but one. @param {unknown[]} args */
function bounded([options = {}, ...rest]) {
  try {
    const own = /** @type {Record<string, unknown>} */ (options);
    own.signal ??= abortedSoon();
    if (own.workers === undefined || Number(own.workers) > 0) own.workers = 0;
  } catch {
    // Nothing can be put into it, and it has no options of a sweep.
  }
  return [options, ...rest];
}

function abortedSoon() {
  const controller = new AbortController();
  setTimeout(() => controller.abort(OWN), 50).unref();
  return controller.signal;
}

/** @param {import('./hostile/calls.js').World} world */
function dispose({ engine: _, normlab: __, ...owned }) {
  for (const object of Object.values(owned)) if ('dispose' in object) object.dispose();
}

const ENGINE_DISPOSE = 'engine.dispose';
const SWEEP = 'engine.sweep';
const paths = Object.keys(CALLS).filter((path) => path !== ENGINE_DISPOSE);
/** A sweep, which may take its 50 ms, has a test of its own. */
const quick = paths.filter((path) => path !== SWEEP);
const bunches = fc.array(fc.record({ path: fc.constantFrom(...quick), given: argumentLists }), {
  minLength: 4,
  maxLength: 16,
});

await forEachVariant((nl, variant) => {
  const numRuns = RUNS[/** @type {keyof typeof RUNS} */ (variant)];
  const answers = knownAnswers(nl);
  const stillRight = () => {
    assert.deepEqual(knownAnswers(nl), answers);
    assert.ok(nl.memory.bytes <= MOST_BYTES, `the engine holds ${nl.memory.bytes} bytes`);
  };

  test('every public function has a generator', () => {
    const world = worldOf(normlab, nl);
    const members = membersOf(world);
    const called = [...members].filter(([, use]) => use !== 'get').map(([path]) => path);
    assert.deepEqual(called.sort(), Object.keys(CALLS).sort());
    for (const [path, use] of members) {
      const [kind, name] = path.split('.');
      if (use === 'get') assert.notEqual(/** @type {any} */ (world)[kind][name], undefined, path);
    }
    dispose(world);
  });

  test('good calls are good', async () => {
    for (const path of paths) {
      const world = worldOf(normlab, nl);
      const [first] = CALLS[path](world);
      if (!['engine.loadDataset', 'engine.loadDirectory'].includes(path)) {
        const [kind, name] = path.split('.');
        const target = /** @type {any} */ (world)[kind];
        if (name.endsWith('=')) target[name.slice(0, -1)] = first[0];
        else useUp(nl, path, await target[name](...first));
      }
      dispose(world);
    }
    stillRight();
  });

  test('any arguments in any order', { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(bunches, async (bunch) => {
        const world = worldOf(normlab, nl);
        for (const { path, given } of bunch) await call(world, path, argumentsOf(world, path, given));
        dispose(world);
        stillRight();
      }),
      { seed: SEED, numRuns },
    );
  });

  test('sweeps with any arguments', { timeout: 60_000 }, async () => {
    for (const given of fc.sample(argumentLists, { seed: SEED, numRuns: numRuns / 15 })) {
      const world = worldOf(normlab, nl);
      await call(world, SWEEP, argumentsOf(world, SWEEP, given));
      dispose(world);
    }
    stillRight();
  });

  test('models of any layers', () => {
    fc.assert(
      fc.property(specs, fc.array(edits, { maxLength: 1 }), (spec, changes) => {
        const [changed] = edited([structuredClone(spec)], changes);
        const model = attempt('nl.model', () => nl.model(/** @type {any} */ (changed)));
        if (model) useModel(nl, 'model', model);
        model?.dispose();
        stillRight();
      }),
      { seed: SEED, numRuns },
    );
  });

  test('layers on tensors of any shape', () => {
    fc.assert(
      fc.property(layerUses, ({ name, args, uses }) => {
        const layer = attempt(name, () => /** @type {any} */ (nl)[name](...args));
        if (!layer) return;
        for (const { shape, fill, training, backward } of uses) {
          layer.train(training);
          const y = attempt(`${name}.forward`, () => layer.forward(filled(shape, fill)));
          assertWellFormed(name, y);
          // Of another forward's shape, where this one failed.
          if (backward)
            assertWellFormed(
              name,
              attempt(`${name}.backward`, () => layer.backward(filled(shape))),
            );
          const stats = attempt(`${name}.savedStats`, () => layer.savedStats());
          if (stats) assert.equal(stats.mean.length, stats.invstd.length);
        }
        layer.dispose();
        stillRight();
      }),
      { seed: SEED, numRuns },
    );
  });

  test('damaged files', () => {
    const byte = fc.record({ at: fc.nat(200), value: fc.nat(255), cut: fc.boolean() });
    fc.assert(
      fc.property(fc.nat(3), fc.nat(1), fc.array(byte, { minLength: 1, maxLength: 4 }), (good, file, damages) => {
        const args = CALLS['engine.idx'](/** @type {any} */ (null))[good].slice(0, 2);
        let bytes = new Uint8Array(/** @type {any} */ (args[file]));
        for (const { at, value, cut } of damages) {
          if (cut) bytes = bytes.slice(0, at);
          else bytes[at % bytes.length] = value;
        }
        args[file] = bytes;
        attempt('idx', () => nl.idx(.../** @type {[any, any]} */ (args)));
      }),
      { seed: SEED, numRuns },
    );
  });

  test('loadDataset of what there is', async () => {
    const options = fc.oneof(
      recipes.map((recipe) => () => made(recipe)),
      recipes.map((recipe) => () => ({ onProgress: made(recipe) })),
    );
    for (const make of fc.sample(options, { seed: SEED, numRuns: 20 })) {
      const world = worldOf(normlab, nl);
      await call(world, 'engine.loadDataset', ['fashion-mnist', make()]);
      dispose(world);
    }
    stillRight();
  });

  test('an engine that was disposed of, with any arguments', async () => {
    await fc.assert(
      fc.asyncProperty(bunches, recipes, async (bunch, recipe) => {
        const engine = await normlab.createEngine({ variant: /** @type {import('normlab').Variant} */ (variant) });
        const world = worldOf(normlab, engine);
        /** @type {any} */ (engine).dispose(made(recipe));
        for (const { path, given } of bunch) await call(world, path, argumentsOf(world, path, given));
        dispose(world);
        stillRight();
      }),
      { seed: SEED, numRuns: numRuns / 10 },
    );
  });
});
