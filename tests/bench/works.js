import { makeDataset, presetSpec } from 'normlab';
import { encodeSettings } from '../../wasm/settings.js';
import { shapes } from './shapes.js';

/**
 * What is measured: one table for Node and browsers. A work is prepared once and gives `run(times)`, which does it so many
 * times without copies in or out, and what one time is worth.
 *
 * @typedef {import('normlab').Engine} Engine
 * @typedef {{ run: (times: number) => void, images?: number, madds?: number, passes?: number, bytes?: number, dispose: () => void }} Prepared
 * @typedef {{ name: string, prepare: (engine: Engine) => Prepared }} Work
 */

const IMAGES = shapes('NORM_TIMED');
const ROWS = shapes('ROWS_TIMED');

/** Layer type, its settings for a shape, and shapes; a row's prefix names the works. */
const NORMS = {
  bn: { type: 'batchNorm', of: IMAGES, modes: ['fwd_train', 'fwd_eval', 'bwd'] },
  ln: { type: 'layerNorm', options: trailing, of: [...IMAGES, ...ROWS], modes: ['fwd_train', 'bwd'] },
  gn8: { type: 'groupNorm', options: () => ({ numGroups: 8 }), of: IMAGES, modes: ['fwd_train', 'bwd'] },
  in: { type: 'instanceNorm', options: () => ({ affine: true }), of: IMAGES, modes: ['fwd_train', 'bwd'] },
  rms: { type: 'rmsNorm', options: trailing, of: [...IMAGES, ...ROWS], modes: ['fwd_train', 'bwd'] },
};

/** @param {number[]} shape */
function trailing([, ...rest]) {
  return { normalizedShape: rest };
}

/** Reads and writes of a tensor that a pass cannot do without: the roofline, in units of the tensor's bytes. */
const PASSES = { fwd_train: 3, fwd_eval: 2, bwd: 5 };

/** @returns {Work[]} */
function normWorks() {
  return Object.entries(NORMS).flatMap(([prefix, { type, options, of, modes }]) =>
    of.flatMap((shape) =>
      modes.map((mode) => ({
        name: `${prefix}_${mode} ${shape.join('x')}`,
        prepare: ({ runtime }) => prepareNorm(runtime, type, options?.(shape), shape, mode),
      })),
    ),
  );
}

function prepareNorm(runtime, type, options, shape, mode) {
  const { exports, types, abi } = runtime;
  const settings = encodeSettings('bench', types.get(type), options, abi.maxDims);
  const size = shape.reduce((a, b) => a * b);
  const [x, y, dy] = [0, 1, 2].map((seed) => fill(runtime, size, seed));
  const params = runtime.allocate(2 * size * 4);
  const [handle, dims] = runtime.withScratch((scratch) => {
    const address = scratch.doubles(settings);
    const create = (out) =>
      exports.nl_norm_create(
        out,
        types.get(type).index,
        address,
        settings.length,
        shape[1],
        shape.length === 4 ? 2 : 0,
      );
    const kept = runtime.allocate(shape.length * 4);
    runtime.ints(kept, shape.length).set(shape);
    return [runtime.handle('bench', create), kept];
  });
  const forward = (way) => exports.nl_norm_forward(handle, y, x, dims, shape.length, way);
  runtime.check('bench', forward(1));
  const once =
    mode === 'bwd'
      ? () => exports.nl_norm_backward(handle, y, params, params + size * 4, dy, x)
      : () => forward(mode === 'fwd_train' ? 1 : 0);
  runtime.check('bench', once());
  return {
    run: (times) => {
      for (let i = 0; i < times; i++) once();
    },
    passes: PASSES[mode],
    bytes: size * 4,
    dispose: () => {
      exports.nl_norm_destroy(handle);
      for (const address of [x, y, dy, params, dims]) exports.nl_free(address);
    },
  };
}

/** @returns {Work} */
function gemmWork(n) {
  return {
    name: `gemm ${n}`,
    prepare: ({ runtime }) => {
      const { exports } = runtime;
      const blocks = [0, 1, 2].map((seed) => fill(runtime, n * n, seed));
      const work = runtime.allocate(exports.nl_matmul_work() * 4);
      const [a, b, c] = blocks;
      return {
        run: (times) => {
          for (let i = 0; i < times; i++) exports.nl_matmul(c, a, b, work, n, n, n);
        },
        madds: n ** 3,
        dispose: () => {
          for (const address of [...blocks, work]) exports.nl_free(address);
        },
      };
    },
  };
}

const seedmlp = () => presetSpec('mlp', { norm: 'batch' });
const seedconvnet = () => presetSpec('convnet', { norm: 'batch' });
const smallcnn = (norm) => () => presetSpec('smallcnn', { norm });

/** Model, batch size. */
const MODELS = [
  ['smallcnn-batch', smallcnn('batch'), [2, 8, 32]],
  ['smallcnn-group', smallcnn('group'), [32]],
  ['smallcnn-none', smallcnn('none'), [32]],
  ['seedmlp', seedmlp, [64]],
  ['seedconvnet', seedconvnet, [32]],
];

/** @returns {Work[]} */
function modelWorks() {
  const each = MODELS.flatMap(([name, spec, sizes]) =>
    sizes.map((batch) => ({ name: `${name} B=${batch}`, spec, batch })),
  );
  return [
    ...each.map(({ name, spec, batch }) => ({
      name: `train ${name}`,
      prepare: (engine) => prepareTraining(engine, spec(), batch),
    })),
    ...each.map(({ name, spec, batch }) => ({
      name: `infer ${name}`,
      prepare: (engine) => prepareInference(engine, spec(), batch),
    })),
  ];
}

function prepareTraining(engine, spec, batch) {
  const model = engine.model(spec);
  const trainer = engine.trainer(model, { optimizer: { type: 'sgd', lr: 0.01, momentum: 0.9 } });
  const run = trainer.start(noise(spec.input, 32 * batch), { batchSize: batch });
  const { forward, first } = multiplyAdds(model);
  return {
    run: (times) => {
      for (let left = times; left > 0; ) left -= run.steps(left).steps.length;
    },
    images: batch,
    // Forward, weight gradient and input gradient are the same product each; the first layer has no input gradient.
    madds: batch * (3 * forward - first),
    dispose: () => {
      trainer.dispose();
      model.dispose();
    },
  };
}

function prepareInference(engine, spec, batch) {
  const { runtime } = engine;
  const model = engine.model(spec);
  const handle = model.handle('bench');
  const size = spec.input.reduce((a, b) => a * b);
  const x = fill(runtime, batch * size, 1);
  const y = runtime.allocate(batch * model.classes * 4);
  return {
    run: (times) => {
      for (let i = 0; i < times; i++) model.check('bench', runtime.exports.nl_model_forward(handle, y, x, batch, 0));
    },
    images: batch,
    madds: batch * multiplyAdds(model).forward,
    dispose: () => {
      model.dispose();
      runtime.exports.nl_free(x);
      runtime.exports.nl_free(y);
    },
  };
}

/** Multiply-adds of one sample's forward pass, and the first layer's share of them. */
function multiplyAdds(model) {
  const shapes = new Map(model.layers.map(({ key, shape }) => [key, shape]));
  const costs = model.parameters
    .filter(({ shape }) => shape.length > 1 && shape.length !== 3)
    .map(({ key, shape, size }) => {
      const [, ...spatial] = shapes.get(key.replace(/\.weight$/, ''));
      return shape.length === 4 ? size * spatial.reduce((a, b) => a * b, 1) : size;
    });
  return { forward: costs.reduce((a, b) => a + b, 0), first: costs[0] };
}

function noise(shape, length) {
  const size = shape.reduce((a, b) => a * b);
  const images = Uint8Array.from({ length: length * size }, (_, i) => (i * 2654435761) >>> 24);
  const labels = Int32Array.from({ length }, (_, i) => (i * 7) % 10);
  return makeDataset({ name: 'noise', shape, images, labels, classes: 10 });
}

function fill(runtime, size, seed) {
  const address = runtime.allocate(size * 4);
  const values = runtime.floats(address, size);
  for (let i = 0; i < size; i++) values[i] = (((i + seed) * 2654435761) >>> 8) / 2 ** 23 - 1;
  return address;
}

/** @type {Work[]} */
export const WORKS = [...normWorks(), gemmWork(512), ...modelWorks()];
