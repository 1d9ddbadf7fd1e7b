import { gzipSync } from 'node:zlib';
import { batchFile } from '../fixtures/cifar.js';
import { imageFile, labelFile, noise } from '../fixtures/idx.js';
import { arrays, npy, zip } from '../fixtures/npz.js';

/*
 * The public interface, taken from the objects themselves, and a good call or two of each of its functions.
 */

const floats = (/** @type {number[]} */ shape) => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7) % 11) - 5),
  shape,
});
const X = () => floats([6, 4]);
const LABELS = () => [0, 1, 2, 0, 1, 2];
const images = () => ({ shape: [4, 1, 1], images: X().data, labels: Int32Array.from(LABELS()), classes: 3 });
const files = () => [imageFile(5, 3, 2, noise(30)), labelFile([0, 1, 2, 1, 0])];

const batches = () => [batchFile([3, 9]), batchFile([0], 2)];
const floatArrays = () => ({
  'images.npy': npy('>f8', [2, 5, 2, 3], noise(60)),
  'labels.npy': npy('<u2', [2], [0, 1]),
});

const LAYERS = () => [
  { type: 'linear', outFeatures: 4, name: 'first' },
  { type: 'batchNorm', eps: 1e-3, momentum: null },
  { type: 'residual', body: [{ type: 'layerNorm', normalizedShape: [4] }, { type: 'relu' }], shortcut: [] },
  { type: 'tanh' },
  { type: 'linear', outFeatures: 3, bias: false },
];
const IMAGE_LAYERS = () => [
  { type: 'conv2d', outChannels: 4, kernelSize: [3, 3], stride: 1, padding: [1, 1], bias: false },
  { type: 'groupNorm', numGroups: 2, affine: true },
  { type: 'instanceNorm', affine: true, trackRunningStats: true, momentum: 0.2 },
  { type: 'gelu' },
  {
    type: 'residual',
    body: [
      { type: 'conv2d', outChannels: 4, kernelSize: 1 },
      { type: 'residual', body: [{ type: 'rmsNorm', eps: null }], shortcut: [{ type: 'identity' }] },
    ],
    shortcut: [{ type: 'conv2d', outChannels: 4, kernelSize: 3, padding: 1 }],
  },
  { type: 'maxPool2d', kernelSize: 2, stride: 2, padding: 0 },
  { type: 'avgPool2d', kernelSize: [1, 2] },
  { type: 'globalAvgPool2d' },
  { type: 'flatten' },
  { type: 'linear', outFeatures: 3 },
];

/** State dictionaries of objects when they were new. @type {WeakMap<object, object>} */
const states = new WeakMap();
/** Files of objects when they were new. @type {WeakMap<object, Uint8Array>} */
const saved = new WeakMap();

/**
 * What a bunch of calls is about: one object of each kind.
 *
 * @param {typeof import('normlab')} normlab
 * @param {import('normlab').Engine} engine
 */
export function worldOf(normlab, engine) {
  const model = engine.model({ input: [4], seed: 1, layers: LAYERS() });
  const trainer = engine.trainer(model, { optimizer: { type: 'sgd', lr: 0.01, momentum: 0.9 } });
  const dataset = normlab.makeDataset(images());
  const run = trainer.start(dataset, { batchSize: 4 });
  const layer = engine.batchNorm1d(4);
  layer.forward(X());
  for (const owner of [layer, model]) states.set(owner, owner.stateDict());
  saved.set(model, model.save());
  saved.set(trainer, trainer.state());
  return { normlab, engine, layer, model, trainer, run, dataset };
}

/** @typedef {ReturnType<typeof worldOf>} World */

/** What is exported or reachable, but is no function for everyone's use; why. */
const EXCEPTIONS = {
  'normlab.NormlabError': "an error's constructor is that of Error",
  'engine.runtime': 'internal',
  'model.handle': 'internal',
  'model.belongsTo': 'internal',
  'model.check': 'internal',
  'model.nonfinite': 'internal',
  'model.stored': 'internal',
  'model.trained': 'internal',
  'model.freezable': 'internal',
  'model.dropoutFactors': 'internal',
  'trainer.handle': 'internal',
  'trainer.trains': 'internal',
  'run.each': 'internal',
  'run.samplesOf': 'internal',
};

/**
 * Members of the objects of a world that can be called, read or set: by the path of each.
 *
 * @param {World} world
 */
export function membersOf(world) {
  /** @type {Map<string, 'call' | 'get' | 'set'>} */
  const members = new Map();
  for (const [kind, object] of Object.entries(world)) {
    for (let at = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
      for (const name of Reflect.ownKeys(at).map(String)) {
        const path = `${kind}.${name}`;
        if (name === 'constructor' || name.startsWith('Symbol(') || path in EXCEPTIONS) continue;
        const { value, get, set } = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(at, name));
        if (typeof value === 'function') members.set(path, 'call');
        if (get) members.set(path, 'get');
        if (set) members.set(`${path}=`, 'set');
      }
    }
  }
  return members;
}

const perChannel = (/** @type {object} */ options) => () => [[4, { ...options }], [4]];
const BATCH = { eps: 1e-3, momentum: 0.3, affine: true, trackRunningStats: true, runningVar: 'biased', bias: true };
const INSTANCE = { eps: 1e-3, momentum: 0.3, affine: true, trackRunningStats: true };
const state = (/** @type {object} */ owner) => copied(states.get(owner));
const file = (/** @type {object} */ owner) => /** @type {Uint8Array} */ (saved.get(owner)).slice();

/** Arrays and plain objects made anew, so that changing them changes nothing else. @param {any} value @returns {any} */
function copied(value) {
  if (Array.isArray(value)) return value.map(copied);
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copied(part)]));
}

/**
 * Good calls by path, as lists of arguments made anew.
 *
 * @type {Record<string, (world: World) => unknown[][]>}
 */
export const CALLS = {
  'normlab.createEngine': () => [[], [{ variant: 'scalar' }], [{ variant: 'auto', wasm: new Uint8Array(8) }]],
  'normlab.makeDataset': () => [
    [images()],
    [
      {
        name: 'bytes',
        shape: [1, 2, 2],
        images: new Uint8Array(12),
        labels: [0, 1, 0],
        classes: 2,
        classNames: ['a', 'b'],
        mean: [0.5],
        std: [0.5],
      },
    ],
  ],
  'normlab.presetSpec': () => [
    ['mlp', { norm: 'group', groups: 4, placement: 'after', seed: 1, normOptions: { eps: 1e-3 } }],
    ['smallcnn', { input: [1, 8, 8], classes: 3 }],
  ],
  'normlab.checkGradients': ({ model }) => [
    [model, { x: X(), labels: LABELS(), mode: 'eval', samples: 2, tolerance: 1e-3 }],
    [model, { batchSize: 3, samples: 1, seed: 1 }],
  ],
  'engine.batchNorm1d': perChannel(BATCH),
  'engine.batchNorm2d': perChannel(BATCH),
  'engine.batchNorm3d': perChannel(BATCH),
  'engine.batchRenorm1d': perChannel({ ...BATCH, rMax: 2, dMax: 3 }),
  'engine.batchRenorm2d': perChannel({ ...BATCH, rMax: 2, dMax: 3 }),
  'engine.batchRenorm3d': perChannel({ ...BATCH, rMax: 2, dMax: 3 }),
  'engine.instanceNorm1d': perChannel(INSTANCE),
  'engine.instanceNorm2d': perChannel(INSTANCE),
  'engine.instanceNorm3d': perChannel(INSTANCE),
  'engine.layerNorm': () => [[[6, 4], { eps: 1e-3, elementwiseAffine: true, bias: false }], [4]],
  'engine.rmsNorm': () => [[[6, 4], { eps: null, elementwiseAffine: false }], [4]],
  'engine.groupNorm': () => [[2, 4, { eps: 1e-3, affine: true, bias: false }]],
  'engine.model': () => [
    [{ input: [4], seed: 1, layers: LAYERS() }],
    [{ input: [1, 6, 6], seed: 2, layers: IMAGE_LAYERS() }],
  ],
  'engine.toPyTorch': ({ model, layer, trainer }) => [
    [model],
    [model, { trainer, distributed: true }],
    [
      model,
      {
        trainer: { optimizer: { type: 'adam', lr: 0.1 }, schedule: { type: 'linear', warmup: 2 }, accumulate: 2 },
        distributed: false,
        run: { batchSize: 4, epochs: 2, shuffle: true, dropLast: true, seed: 1, sortByClass: false, augment: null },
      },
    ],
    [layer, { shape: [6, 4] }],
  ],
  'engine.trainer': ({ model }) => [
    [model, { optimizer: { type: 'sgd', lr: 0.1, momentum: 0.9, dampening: 0, weightDecay: 1e-4, nesterov: true } }],
    [
      model,
      {
        optimizer: { type: 'adamW', lr: 0.1, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0.1, amsgrad: true },
        schedule: { type: 'cosine', warmup: 2, steps: 9, etaMin: 0.01 },
        clipGradNorm: 1,
        labelSmoothing: 0.1,
        decayNorms: false,
        decayBiases: false,
      },
    ],
    [model, { schedule: { type: 'step', stepSize: 3, gamma: 0.5 } }],
  ],
  // With workers there is a test of its own: starting them takes longer than all else here.
  'engine.sweep': ({ dataset }) => [
    [
      {
        norms: ['batch', 'none'],
        batchSizes: [3],
        seeds: [0, 1],
        model: { input: [4, 1, 1], seed: 1, layers: [{ type: 'flatten' }, { type: 'norm', eps: 1e-3 }, ...LAYERS()] },
        groups: 2,
        placement: 'after',
        normOptions: {},
        trainer: { optimizer: { type: 'sgd', lr: 0.1 }, clipGradNorm: 1 },
        scaleLr: true,
        data: { train: copied(dataset), test: copied(dataset) },
        limit: 6,
        epochs: 1,
        shuffle: false,
        dropLast: false,
        workers: 0,
        only: () => true,
        onRun: async () => {},
        onProgress: () => {},
      },
    ],
    [
      {
        norms: ['group'],
        batchSizes: [2, 4],
        model: {
          preset: 'smallcnn',
          groups: 4,
          placement: 'before',
          normOptions: { eps: 1e-3 },
          input: [4, 1, 1],
          classes: 3,
        },
        data: { train: copied(dataset), test: copied(dataset) },
        epochs: 1,
        workers: 0,
      },
    ],
  ],
  // The good call reads megabytes: it has tests of its own.
  'engine.loadDataset': () => [['mnist', { onProgress: () => {} }]],
  'engine.loadDirectory': () => [['a folder that is not there', { onProgress: () => {}, maxBytes: 1000 }]],
  'engine.idx': () => [
    [...files(), { name: 'n', classes: 3, classNames: ['a', 'b', 'c'], mean: [0.5], std: [0.5] }],
    [...files().map((file) => new Uint8Array(gzipSync(file))), { imagesName: 'i', labelsName: 'l' }],
    files().map((file) => file.slice().buffer),
    files().map((file) => file.map((byte, i) => (i === 5 ? 255 : byte))),
  ],
  'engine.cifar10': () => [
    [...batches(), { name: 'n', classes: 10, mean: [0, 0, 0], std: [1, 1, 1], fileNames: ['a', 'b'] }],
    batches().map((file) => file.slice().buffer),
    [...batches().map((file) => new Uint8Array(gzipSync(file))), { classNames: Array.from('0123456789') }],
  ],
  'engine.npz': () => [
    [zip(arrays()), { name: 'n', classes: 3, classNames: ['a', 'b', 'c'], mean: [0.5], std: [0.5] }],
    [zip(floatArrays(), { deflate: true }), { fileName: 'f', maxBytes: 10_000 }],
    [zip(floatArrays()).buffer, { mean: [0, 0, 0], std: [1, 1, 1] }],
  ],
  'engine.loadModel': ({ model, trainer }) => [[file(model)], [file(model).buffer], [file(trainer)]],
  'engine.safetensors': ({ model, trainer }) => [[file(model)], [file(trainer).buffer]],
  'engine.blobs': () => [
    [
      {
        length: 6,
        shape: [2, 3],
        classes: 3,
        noise: 0.1,
        seed: 1,
        split: 'test',
        mean: [0, 0],
        std: [1, 1],
        name: 'n',
      },
    ],
  ],
  'engine.textures': () => [[{ length: 4, shape: [2, 3, 4], classes: 2, noise: 0.1, classNames: ['a', 'b'] }]],
  'engine.dispose': () => [[]],
  'layer.train': () => [[true]],
  'layer.eval': () => [[]],
  'layer.forward': () => [[X()], [floats([6, 4, 2])]],
  'layer.backward': () => [[X()]],
  'layer.savedStats': () => [[]],
  'layer.stateDict': () => [[]],
  'layer.loadStateDict': ({ layer }) => [[state(layer), { strict: false }]],
  'layer.resetRunningStats': () => [[]],
  'layer.dispose': () => [[]],
  'model.train': () => [[true]],
  'model.eval': () => [[]],
  'model.forward': () => [[X()]],
  'model.gradients': () => [
    [X(), LABELS()],
    [X(), Int32Array.from(LABELS())],
  ],
  'model.evaluate': ({ dataset }) => [[copied(dataset), { batchSize: 4, mode: 'train', sortByClass: true }]],
  'model.compareModes': () => [[X(), { labels: LABELS(), bins: 8 }]],
  'model.valuesPerStatistic': () => [[3]],
  'model.recalibrate': ({ dataset }) => [[copied(dataset), { batchSize: 4, batches: 2 }]],
  'model.fold': () => [[]],
  'model.freeze': () => [[[]], []],
  'model.unfreeze': () => [[[]], []],
  'model.stateDict': () => [[]],
  'model.save': () => [[]],
  'model.loadStateDict': ({ model }) => [[state(model), { strict: true }]],
  'model.passes=': () => [[3]],
  'model.dispose': () => [[]],
  'trainer.lr=': () => [[0.1]],
  'trainer.step': () => [
    [X(), LABELS()],
    [X(), LABELS(), { measure: { bins: 8 } }],
    [X(), LABELS(), { measure: true }],
  ],
  'trainer.start': ({ dataset }) => [
    [copied(dataset), { batchSize: 4, shuffle: true, dropLast: true, seed: 3, measureEvery: 2, bins: 4 }],
    [copied(dataset), { batchSize: 4, sortByClass: true, augment: { crop: 0, flip: true } }],
  ],
  'trainer.fit': ({ dataset }) => [
    [
      copied(dataset),
      {
        epochs: 1,
        batchSize: 4,
        shuffle: false,
        sortByClass: false,
        augment: { crop: 0, flip: false },
        dropLast: false,
        seed: 3,
        measureEvery: 1,
        signal: new AbortController().signal,
        onStep: () => {},
        onEpoch: async () => {},
      },
    ],
  ],
  'trainer.state': () => [[]],
  'trainer.loadState': ({ model, trainer }) => [[file(trainer)], [file(trainer).buffer], [file(model)]],
  'trainer.dispose': () => [[]],
  'run.steps': () => [[2]],
  'run.dispose': () => [[]],
  'dataset.slice': () => [[1, 4]],
  'dataset.batch': () => [[[0, 5, 1]]],
};
