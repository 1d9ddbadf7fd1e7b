import { presetSpec, presets } from '../index.js';
import { fillNorms, hasConvolution, hasNormPlace } from '../presets/fill.js';
import { blame, UsageError } from './failure.js';
import { NO_FILE, readModelFile } from './model-file.js';

/**
 * @typedef {import('./options.js').ModelOptions} ModelOptions
 * @typedef {import('../index.js').Engine} Engine
 * @typedef {import('../index.js').Model} Model
 *
 * @typedef {object} ModelSettings what was asked for, as far as it has an effect: what goes into the JSON documents
 * @property {string | null} preset
 * @property {string | null} model the file
 * @property {string | null} norm null for a model that has its own normalizations
 * @property {number | null} groups null where norm is not group
 * @property {string | null} placement
 * @property {boolean} [weightStandardization] where it was asked for
 * @property {number} seed
 *
 * @typedef {object} ModelChoice
 * @property {ModelSettings} settings
 * @property {string} source what was typed, for messages
 * @property {(engine: Engine, data?: { shape: number[], classes: number }) => Promise<Model>} make for these images, or
 *   for those that the model itself is for
 */

/**
 * @param {ModelOptions} options
 * @param {(name: keyof ModelOptions) => boolean} given whether an option was typed
 * @returns {Promise<ModelChoice>}
 * @throws {UsageError}
 */
export async function chooseModel(options, given) {
  const { spec: file, saved } = options.model === undefined ? NO_FILE : await readModelFile(options.model);
  const open = !file || hasNormPlace(file.layers);
  for (const name of /** @type {const} */ (['norm', 'groups', 'placement'])) {
    if (!open && given(name)) {
      throw new UsageError(`--${name}: ${options.model} has no { "type": "norm" } layer that it could apply to`);
    }
  }
  const { norm, groups, placement, weightStandardization = false } = options;
  checkStandardization(options, file?.layers);
  const seed = given('seed') ? options.seed : (file?.seed ?? options.seed);
  const source = file ? `--model ${options.model}` : `--preset ${options.preset}`;
  const grouped = norm === 'group' ? ` --groups ${groups}` : '';
  const blamed = open && norm !== 'none' ? `${source} --norm ${norm}${grouped}` : source;

  /** @type {ModelChoice['make']} */
  const make = async (engine, data) => {
    if (saved) return blame(source, () => engine.loadModel(saved));
    const input = file?.input ?? data?.shape;
    if (file && !input) throw new UsageError(`${source}: expected "input", the shape of one sample, got none`);
    const spec = file
      ? {
          ...file,
          input: /** @type {number[]} */ (input),
          seed,
          layers: fillNorms(file.layers, { norm, groups, placement, weightStandardization }),
        }
      : presetSpec(options.preset, {
          ...{ norm, groups, placement, weightStandardization, seed, input },
          classes: data?.classes,
        });
    return blame(blamed, () => engine.model(spec), file ? undefined : presetHint);
  };
  return {
    settings: {
      preset: file ? null : options.preset,
      model: options.model ?? null,
      norm: open ? norm : null,
      groups: open && norm === 'group' ? groups : null,
      placement: open && norm !== 'none' ? placement : null,
      ...(weightStandardization && { weightStandardization }),
      seed,
    },
    source,
    make,
  };
}

/**
 * @param {{ preset: string, model?: string, weightStandardization?: boolean }} options
 * @param {readonly import('../presets/index.js').LayerSpec[]} [own] of the file, where there is one
 * @throws {UsageError}
 */
export function checkStandardization({ preset, model, weightStandardization }, own) {
  if (!weightStandardization || hasConvolution(own ?? presets[preset].layers)) return;
  throw new UsageError(`--weight-standardization: ${model ?? preset} has no conv2d that it could apply to`);
}

/** @param {string} message of the engine, on a preset that it refused */
const presetHint = (message) =>
  message.includes('(instanceNorm)') ? '; of the presets smallcnn and resnet have what InstanceNorm needs' : '';
