import { checkBoolean, checkInteger, checkNumber, checkOptions, describe } from '../checks.js';
import { NormlabError } from '../errors.js';
import { Model } from '../model.js';
import { fillNorms, hasNormPlace, norms as knownNorms } from '../presets/fill.js';
import { presetSpec, presets } from '../presets/index.js';
import { Trainer } from '../trainer.js';
import { plainCopy } from './plain.js';

/**
 * @typedef {import('../runtime.js').Runtime} Runtime
 * @typedef {import('../data/dataset.js').Dataset} Dataset
 * @typedef {import('../presets/index.js').ModelSpec} ModelSpec
 * @typedef {import('../presets/index.js').LayerSpec} LayerSpec
 * @typedef {import('../trainer.js').TrainerOptions} TrainerOptions
 * @typedef {import('./plan.js').PlannedRun} PlannedRun
 * @typedef {import('./run.js').SweepRun} SweepRun
 *
 * @typedef {{ preset: string, groups?: number, placement?: string, weightStandardization?: boolean, normOptions?: Record<string, unknown>,
 *   input?: number[], classes?: number }} PresetChoice
 *
 * @typedef {{ layers: LayerSpec[], input?: number[], seed?: number }} OpenSpec a model spec in which `{ type: 'norm' }` stands
 *   where a normalization goes; `input` default the shape of the images; its seed gives way to those of the sweep
 *
 * @typedef {object} SweepProgress
 * @property {number} finished runs, failed ones included
 * @property {number} total runs
 * @property {number} steps done, those that a failed run has left out included
 * @property {number} totalSteps
 *
 * @typedef {object} SweepOptions
 * @property {string[]} [norms] of `'batch'`, `'layer'`, `'group'`, `'instance'`, `'rms'`, `'none'`, `'renorm'`; default batch, group,
 *   layer; not for a model without a place for a normalization
 * @property {number[]} [batchSizes] images a step; default 2, 4, 8, 16, 32, 64
 * @property {number[]} [seeds] of the initial weights and the order of the images; default 0
 * @property {string | PresetChoice | OpenSpec} [model] plain data, never a function, which no worker could be given;
 *   default `'mlp'`
 * @property {number} [groups] of GroupNorm, default 8
 * @property {string} [placement] `'before'` (default) or `'after'` the activation
 * @property {boolean} [weightStandardization] of each convolution; default false
 * @property {Record<string, unknown>} [normOptions] further options of each normalization layer
 * @property {TrainerOptions} [trainer] as `nl.trainer` takes it, except that SGD's momentum is 0.9 by default, and that for
 *   SGD without an lr and without a schedule the rate falls linearly to 0
 * @property {boolean} [scaleLr] whether the learning rate is that of 32 images a step and each run's is
 *   lr · batchSize / 32 (linear scaling, https://arxiv.org/abs/1706.02677); default true for SGD without an lr, whose base
 *   is 0.02, else false: a given lr is taken as it is
 * @property {{ train: Dataset, test: Dataset }} [data] default Fashion-MNIST, loaded once
 * @property {number} [limit] train on the first so many images only
 * @property {number} [epochs] default 2
 * @property {boolean} [shuffle] as in `trainer.fit`, default true
 * @property {boolean} [sortByClass] as in `trainer.fit`, default false
 * @property {import('../engine-dataset.js').Augment | null} [augment] as in `trainer.fit`, default null
 * @property {boolean} [sortTestByClass] as sortByClass in `model.evaluate`, for the error in train mode; default false
 * @property {boolean} [dropLast] as in `trainer.fit`, default false
 * @property {number} [workers] threads, at most one a run; default one a core; 0: in this thread, giving way to other work
 *   every few milliseconds
 * @property {(run: PlannedRun) => unknown} [only] leaves out the runs for which it is false
 * @property {AbortSignal} [signal] stops at a step's end; sweep then rejects with its reason
 * @property {(run: SweepRun) => unknown} [onRun] each run when it has finished; awaited
 * @property {(progress: SweepProgress) => void} [onProgress] some times a second
 *
 * @typedef {object} Job what one run is made of, as plain data
 * @property {PlannedRun & { lr: number }} run
 * @property {ModelSpec} spec
 * @property {TrainerOptions} trainer
 * @property {{ epochs: number, batchSize: number, shuffle: boolean, sortByClass: boolean, augment: unknown,
 *   dropLast: boolean, seed: number }} fit
 * @property {{ sortByClass: boolean }} evaluate in train mode
 *
 * @typedef {object} Settings options that were checked
 * @property {import('./plan.js').Axes} axes
 * @property {(run: PlannedRun, data: Dataset) => Job} job
 * @property {unknown} augment
 * @property {{ train: unknown, test: unknown } | null} data
 * @property {number} limit
 * @property {number | null} workers
 * @property {(run: PlannedRun) => unknown} only
 * @property {AbortSignal} [signal]
 * @property {(run: SweepRun) => unknown} [onRun]
 * @property {(progress: SweepProgress) => void} [onProgress]
 */

const KNOWN = [
  ...[
    'norms',
    'batchSizes',
    'seeds',
    'model',
    'groups',
    'placement',
    'weightStandardization',
    'normOptions',
    'trainer',
    'scaleLr',
    'data',
    'limit',
  ],
  ...['epochs', 'shuffle', 'sortByClass', 'augment', 'sortTestByClass', 'dropLast', 'workers', 'only', 'signal'],
  ...['onRun', 'onProgress'],
];

/** Images that the base of the learning rate is for. */
const BASE_BATCH = 32;

/**
 * @param {string} call
 * @param {Runtime} runtime of the caller, which checks the trainer's options
 * @param {unknown} options
 * @returns {Settings}
 * @throws {NormlabError} `argument`
 */
export function checkSweep(call, runtime, options) {
  const given = checkOptions(call, 'options', options, KNOWN);
  const { model, norms } = checkModel(call, given);
  const trainer = checkTrainer(call, runtime, given);
  const { epochs = 2, shuffle = true, dropLast = false, workers, limit, data } = given;
  const fit = {
    epochs: checkInteger(call, 'epochs', epochs, 0),
    shuffle: checkBoolean(call, 'shuffle', shuffle),
    sortByClass: checkBoolean(call, 'sortByClass', given.sortByClass ?? false),
    augment: plainCopy(call, 'augment', given.augment ?? null),
    dropLast: checkBoolean(call, 'dropLast', dropLast),
  };
  const evaluate = { sortByClass: checkBoolean(call, 'sortTestByClass', given.sortTestByClass ?? false) };
  const { batchSizes = [2, 4, 8, 16, 32, 64], seeds = [0] } = given;
  return {
    axes: {
      norms,
      batchSizes: list(call, 'batchSizes', batchSizes, (name, one) => checkInteger(call, name, one, 1)),
      seeds: list(call, 'seeds', seeds, (name, one) => checkInteger(call, name, one, 0, Number.MAX_SAFE_INTEGER)),
    },
    job(run, images) {
      const { lr, ...options } = trainer(run.batchSize);
      const { norm, batchSize, seed } = run;
      return {
        run: { norm, batchSize, seed, lr },
        spec: model(norm, seed, images),
        trainer: options,
        fit: { ...fit, batchSize, seed },
        evaluate,
      };
    },
    augment: fit.augment,
    data: data === undefined ? null : checkSplits(call, data),
    limit: limit === undefined ? Number.POSITIVE_INFINITY : checkInteger(call, 'limit', limit, 1),
    workers: workers === undefined ? null : checkInteger(call, 'workers', workers, 0),
    only: callback(call, 'only', given.only) ?? (() => true),
    signal: checkSignal(call, given.signal),
    onRun: callback(call, 'onRun', given.onRun),
    onProgress: callback(call, 'onProgress', given.onProgress),
  };
}

/**
 * @param {string} call
 * @param {Record<string, unknown>} given
 * @returns {{ norms: (string | null)[], model: (norm: string | null, seed: number, images: Dataset) => ModelSpec }}
 */
function checkModel(call, given) {
  const { model = 'mlp', groups, placement, weightStandardization, normOptions } = given;
  const own = definedOnly({ groups, placement, weightStandardization, normOptions });
  const choice = plainCopy(call, 'options', own);
  if (typeof model === 'string') return preset(call, given.norms, { ...choice, preset: model });
  if (model === null || typeof model !== 'object' || Array.isArray(model)) {
    const expected = 'the name of a preset, { preset, … } or { layers }';
    const why = typeof model === 'function' ? ', which no worker can be given' : '';
    throw new NormlabError('argument', `${call}: model: expected ${expected}, got ${describe(model)}${why}`);
  }
  const copy = plainCopy(call, 'model', model);
  if ('preset' in copy) {
    checkOptions(call, 'model', copy, [
      'preset',
      'groups',
      'placement',
      'weightStandardization',
      'normOptions',
      'input',
      'classes',
    ]);
    return preset(call, given.norms, { ...choice, ...copy });
  }
  checkOptions(call, 'model', copy, ['input', 'layers', 'seed']);
  return openSpec(call, given.norms, copy, choice);
}

/** @param {string} call @param {unknown} norms @param {any} choice */
function preset(call, norms, { preset: name, ...choice }) {
  if (typeof name !== 'string' || !Object.hasOwn(presets, name)) {
    const known = Object.keys(presets).join(', ');
    throw new NormlabError('argument', `${call}: model: expected one of ${known}, got ${describe(name)}`);
  }
  const wanted = checkNorms(call, norms);
  presetSpec(name, choice);
  return {
    norms: wanted,
    /** @param {string | null} norm @param {number} seed @param {Dataset} images */
    model: (norm, seed, { shape, classes }) =>
      presetSpec(name, { input: shape, classes, ...choice, norm: /** @type {string} */ (norm), seed }),
  };
}

/** @param {string} call @param {unknown} norms @param {any} spec @param {any} choice */
function openSpec(call, norms, spec, choice) {
  const { layers, input } = spec;
  if (!isLayers(layers)) {
    throw new NormlabError('argument', `${call}: model: layers: expected [{ type, … }, …], got ${describe(layers)}`);
  }
  const open = hasNormPlace(layers);
  if (!open && norms !== undefined) {
    throw new NormlabError('argument', `${call}: norms: the model has no { type: 'norm' } that they could go to`);
  }
  fillNorms(layers, choice);
  return {
    norms: open ? checkNorms(call, norms) : [null],
    /** @param {string | null} norm @param {number} seed @param {Dataset} images */
    model: (norm, seed, { shape }) => ({
      input: input ?? shape,
      seed,
      layers: fillNorms(layers, { ...choice, ...(norm !== null && { norm }) }),
    }),
  };
}

/** @param {unknown} value @returns {value is LayerSpec[]} plain data that are layers, their branches included */
function isLayers(value) {
  return (
    Array.isArray(value) &&
    value.every(
      (layer) => typeof layer?.type === 'string' && isLayers(layer.body ?? []) && isLayers(layer.shortcut ?? []),
    )
  );
}

/** @param {string} call @param {unknown} value */
function checkNorms(call, value = ['batch', 'group', 'layer']) {
  return list(call, 'norms', value, (name, norm) => {
    if (typeof norm === 'string' && knownNorms.includes(norm)) return norm;
    throw new NormlabError(
      'argument',
      `${call}: ${name}: expected one of ${knownNorms.join(', ')}, got ${describe(norm)}`,
    );
  });
}

/**
 * @param {string} call
 * @param {Runtime} runtime
 * @param {Record<string, unknown>} given
 * @returns {(batchSize: number) => TrainerOptions & { lr: number }}
 */
function checkTrainer(call, runtime, given) {
  const options = plainCopy(call, 'trainer', given.trainer ?? {});
  const own = options?.optimizer ?? {};
  if (typeof own !== 'object') {
    throw new NormlabError('argument', `${call}: trainer.optimizer: expected an object, got ${describe(own)}`);
  }
  const isSgd = (own.type ?? 'sgd') === 'sgd';
  /** @type {any} */
  const optimizer = { type: 'sgd', ...(isSgd ? { momentum: 0.9 } : {}), ...definedOnly(own) };
  const base = checkNumber(call, 'trainer.optimizer.lr', own.lr ?? (isSgd ? 0.02 : 1e-3));
  const recipe = own.lr === undefined && isSgd;
  const scales = checkBoolean(call, 'scaleLr', given.scaleLr ?? recipe);
  /** @type {any} checked by the trainer itself */
  const all = { ...(recipe && { schedule: { type: 'linear' } }), ...definedOnly(options) };
  tryTrainer(runtime, { ...all, optimizer: { ...optimizer, lr: base } });
  return (batchSize) => {
    const lr = scales ? (base * batchSize) / BASE_BATCH : base;
    return { ...all, optimizer: { ...optimizer, lr }, lr };
  };
}

/** Makes one for nothing but its checks. @param {Runtime} runtime @param {TrainerOptions} options */
function tryTrainer(runtime, options) {
  const layers = [{ type: 'linear', outFeatures: 2 }, { type: 'batchNorm' }, { type: 'linear', outFeatures: 2 }];
  const model = new Model(runtime, { input: [1], seed: 0, layers });
  try {
    new Trainer(runtime, model, options).dispose();
  } finally {
    model.dispose();
  }
}

/**
 * @template T
 * @param {string} call
 * @param {string} name
 * @param {unknown} values
 * @param {(name: string, value: unknown) => T} check of one
 * @returns {T[]}
 */
function list(call, name, values, check) {
  if (!Array.isArray(values) || values.length === 0) {
    throw new NormlabError(
      'argument',
      `${call}: ${name}: expected an array that is not empty, got ${describe(values)}`,
    );
  }
  /** @type {Set<T>} */
  const checked = new Set();
  for (let i = 0; i < values.length; i++) {
    const one = check(`${name}[${i}]`, values[i]);
    if (checked.has(one)) {
      throw new NormlabError('argument', `${call}: ${name}[${i}]: ${describe(one)} is there already`);
    }
    checked.add(one);
  }
  return [...checked];
}

/** @param {string} call @param {unknown} data */
function checkSplits(call, data) {
  if (data === null || typeof data !== 'object') {
    throw new NormlabError('argument', `${call}: data: expected { train, test }, got ${describe(data)}`);
  }
  const { train, test } = /** @type {{ train?: unknown, test?: unknown }} */ (data);
  return { train, test };
}

/** @param {string} call @param {unknown} signal */
function checkSignal(call, signal) {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new NormlabError('argument', `${call}: signal: expected an AbortSignal, got ${describe(signal)}`);
}

/** @param {string} call @param {string} name @param {unknown} value @returns {((figures: any) => unknown) | undefined} */
function callback(call, name, value) {
  if (value === undefined || typeof value === 'function') return /** @type {any} */ (value);
  throw new NormlabError('argument', `${call}: ${name}: expected a function, got ${describe(value)}`);
}

/** @param {object} object */
const definedOnly = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
