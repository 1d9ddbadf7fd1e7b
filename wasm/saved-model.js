import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { checkBoolean, checkInteger, describe } from './checks.js';
import { NormlabError } from './errors.js';
import { checkTensors, dictFrom, storeDict } from './stored.js';

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./model.js').Model} Model
 * @typedef {import('./safetensors.js').Stored} Stored
 *
 * @typedef {object} Field
 * @property {(model: Model) => unknown} get what JSON can hold
 * @property {(call: string, model: Model, value: unknown) => void} check throws for what the model cannot take
 * @property {(model: Model, value: any) => void} set
 */

/**
 * What a model is beside its spec, its tensors and its mode. It goes into files and states of trainers alike; one thing more
 * is one entry more.
 *
 * @type {Record<string, Field>}
 */
const FIELDS = {
  frozen: {
    get: (model) => model.frozen,
    check: (call, model, value) => {
      if (!Array.isArray(value)) throw new NormlabError('format', `${call}: frozen: got ${describe(value)}`);
      model.freezable(call, value);
    },
    set: (model, value) => model.unfreeze().freeze(value),
  },
  passes: {
    get: (model) => model.passes,
    check: (call, _, value) => checkInteger(call, 'passes', value, 0, Number.MAX_SAFE_INTEGER),
    set: (model, value) => {
      model.passes = value;
    },
  },
};

/** Names of what {@link modelFields} gives. */
export const MODEL_FIELDS = Object.keys(FIELDS);

/** @param {Model} model */
export const modelFields = (model) =>
  Object.fromEntries(Object.entries(FIELDS).map(([name, { get }]) => [name, get(model)]));

/**
 * @param {string} call
 * @param {Model} model
 * @param {Record<string, unknown>} values
 * @returns {() => void} what sets them
 * @throws {NormlabError} `format`; nothing is set then
 */
export function checkModelFields(call, model, values) {
  asFormat(() => {
    for (const [name, { check }] of Object.entries(FIELDS)) check(call, model, values[name]);
  });
  return () => {
    for (const [name, { set }] of Object.entries(FIELDS)) set(model, values[name]);
  };
}

/**
 * Runs what complains of arguments that were none: they came out of a file.
 *
 * @template T
 * @param {() => T} work
 * @param {() => boolean} [blames] whether the file is to blame for what has failed
 * @returns {T}
 */
export function asFormat(work, blames = () => true) {
  try {
    return work();
  } catch (error) {
    const ofValues = error instanceof NormlabError && ['argument', 'shape', 'memory'].includes(error.code);
    throw ofValues && blames() ? new NormlabError('format', error.message, { cause: error }) : error;
  }
}

/** @param {Model} model */
export function saveModel(model) {
  const values = { spec: model.spec, training: model.training, ...modelFields(model) };
  return writeCheckpoint('model', model.runtime.abi.version, storeDict(model.stateDict()), values);
}

/**
 * @param {(spec: any, call: string, before: (tensors: [string, Pick<Stored, 'dtype' | 'shape'>][]) => void) => Model} make
 * @param {unknown} bytes
 * @returns {Model}
 */
export function loadModel(make, bytes) {
  const call = 'nl.loadModel';
  const { tensors, values } = readCheckpoint(call, 'model', bytes, ['spec', 'training', ...MODEL_FIELDS]);
  const { spec, training } = values;
  const on = asFormat(() => checkBoolean(call, 'training', training));
  // The values that are there are to be those of the spec before there is memory for them.
  let fits = false;
  const before = (/** @type {[string, Pick<Stored, 'dtype' | 'shape'>][]} */ expected) => {
    checkTensors(call, tensors, expected);
    fits = true;
  };
  const model = asFormat(
    () => make(spec, `${call}: spec`, before),
    () => !fits,
  );
  try {
    checkModelFields(call, model, values)();
    model.loadStateDict(dictFrom(call, tensors));
    return model.train(on);
  } catch (error) {
    model.dispose();
    throw error;
  }
}
