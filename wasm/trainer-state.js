import { firstDifference, readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { describe } from './checks.js';
import { NormlabError } from './errors.js';
import { Figures } from './figures.js';
import { asFormat, checkModelFields, MODEL_FIELDS, modelFields } from './saved-model.js';
import { checkTensors, dictFrom, floatsFrom, storeDict, storeFloats } from './stored.js';

/**
 * @typedef {import('./model.js').Model} Model
 * @typedef {import('./safetensors.js').Stored} Stored
 *
 * @typedef {object} Kept what the optimizer keeps for one parameter
 * @property {string} key
 * @property {number[]} shape
 * @property {() => Float32Array} view made anew for each use
 *
 * @typedef {Record<string, unknown> & { length: number }} Order what decides which samples a step sees: the options of a run,
 *   and the length of its data
 *
 * @typedef {object} Passes over a data set, under way or stopped before their end
 * @property {Order} order
 * @property {Figures | null} figures null where the run is driven by hand
 *
 * @typedef {object} Parts of a trainer, as its state holds them
 * @property {Model} model
 * @property {Kept[]} kept
 * @property {Record<string, unknown>} options in full, without lr
 * @property {number} lr
 * @property {Record<string, number>} progress nl_trainer_progress, by name
 * @property {Passes | null} passes
 *
 * @typedef {object} Loaded
 * @property {number} lr
 * @property {Record<string, number>} progress
 * @property {Passes | null} passes
 * @property {() => void} apply writes what the model and the optimizer keep
 */

const MODEL = 'model.';
const OWN = ['spec', 'options', 'lr', 'progress', 'order'];

/** @param {Parts} trainer @param {string} version of the engine */
export function saveState({ model, kept, options, lr, progress, passes }, version) {
  /** @type {[string, Stored][]} */
  const tensors = storeDict(model.stateDict()).map(([key, stored]) => [MODEL + key, stored]);
  /** @type {[string, Stored][]} */
  const moments = kept.map(({ key, shape, view }) => [key, storeFloats(view().slice(), shape)]);
  const order = passes?.order ?? null;
  const values = { spec: model.spec, options, lr, progress, order, ...modelFields(model) };
  return writeCheckpoint('trainer', version, [...tensors, ...moments, ...(passes?.figures?.store() ?? [])], values);
}

/**
 * @param {string} call
 * @param {Omit<Parts, 'passes'>} trainer whose state it is to become; nothing of it is changed before `apply`
 * @param {(call: string, order: unknown) => Order} checkOrder
 * @param {unknown} bytes
 * @returns {Loaded}
 * @throws {NormlabError} `format` for bytes that are none of a state, `state` for those of another model or trainer
 */
export function readState(call, { model, kept, options, progress: present }, checkOrder, bytes) {
  const { tensors, values } = readCheckpoint(call, 'trainer', bytes, [...OWN, ...MODEL_FIELDS]);
  const { lr, progress, order } = values;
  same(call, 'spec', values.spec, model.spec, 'this model');
  same(call, 'options', values.options, options, 'this trainer');
  const fail = (/** @type {string} */ expected, /** @type {unknown} */ came) =>
    new NormlabError('format', `${call}: ${expected}, got ${describe(came)}`);
  if (!Number.isFinite(lr) || lr < 0) throw fail('lr: expected a number >= 0', lr);
  if (progress === null || typeof progress !== 'object') throw fail('progress: expected an object', progress);
  for (const name of Object.keys(present)) {
    if (!Number.isSafeInteger(progress[name])) throw fail(`progress.${name}: expected an integer`, progress[name]);
  }
  const checked = order === null ? null : asFormat(() => checkOrder(call, order));
  const figures = Figures.take(call, tensors);
  /** @type {[string, Pick<Stored, 'dtype' | 'shape'>][]} */
  const ofModel = model.stored().map(([key, one]) => [MODEL + key, one]);
  /** @type {[string, Pick<Stored, 'dtype' | 'shape'>][]} */
  const ofOptimizer = kept.map(({ key, shape }) => [key, { dtype: 'F32', shape }]);
  checkTensors(call, tensors, [...ofModel, ...ofOptimizer]);
  const setFields = checkModelFields(call, model, values);
  const own = [...tensors].filter(([key]) => key.startsWith(MODEL));
  const dict = dictFrom(
    call,
    own.map(([key, stored]) => [key.slice(MODEL.length), stored]),
  );
  const moments = kept.map(({ key }) => floatsFrom(call, key, /** @type {Stored} */ (tensors.get(key)), Float32Array));
  return {
    lr,
    progress: Object.fromEntries(Object.keys(present).map((name) => [name, progress[name]])),
    passes: checked && { order: checked, figures },
    apply() {
      model.loadStateDict(dict);
      kept.forEach(({ view }, i) => {
        view().set(moments[i]);
      });
      setFields();
    },
  };
}

/**
 * Whether what a state has is what there is.
 *
 * @param {string} call
 * @param {string} name
 * @param {unknown} inState
 * @param {unknown} here
 * @param {string} whose what is here
 * @throws {NormlabError} `state`, naming the first difference
 */
export function same(call, name, inState, here, whose) {
  const found = firstDifference(name, inState, JSON.parse(JSON.stringify(here)));
  if (!found) return;
  const [one, other] = [found.one, found.other].map((value) => (value === undefined ? 'none' : describe(value)));
  throw new NormlabError('state', `${call}: ${found.path}: the state is of ${one}, ${whose} has ${other}`);
}
