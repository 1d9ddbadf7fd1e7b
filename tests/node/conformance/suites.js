import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { reshape, sizeOf, transpose } from './arrays.js';
import { DENSE } from './dense.js';
import { LOSSES } from './losses.js';
import { NORMALIZATION } from './normalization.js';
import { NotExpressible } from './operator.js';
import { OPTIMIZERS } from './optimizers.js';
import { WINDOWS } from './windows.js';

/** @typedef {import('./operator.js').Engine} Engine */
/** @typedef {import('./operator.js').Operator} Operator */
/** @typedef {import('./operator.js').Values} Values */

/** The cases of the ONNX project, beside the repository; they are no part of it. */
export const FOLDER = new URL('../../../../shared/conformance/onnx/', import.meta.url);

/** @type {Record<string, (nl: Engine, node: Operator) => Values[]>} */
const COMPUTED = { ...NORMALIZATION, ...WINDOWS, ...DENSE, ...LOSSES, ...OPTIMIZERS };

/** Operators that only say where values stand. @type {Record<string, (node: Operator) => Values>} */
const MOVED = {
  Transpose: ({ inputs, attributes }) => {
    const x = /** @type {Values} */ (inputs[0]);
    return transpose(x, attributes.perm ?? x.shape.map((_, d) => x.shape.length - 1 - d));
  },
  Unsqueeze: ({ inputs, attributes }) => {
    const x = /** @type {Values} */ (inputs[0]);
    const shape = [...x.shape];
    for (const axis of [...attributes.axes].sort((a, b) => a - b)) shape.splice(axis, 0, 1);
    return reshape(x, shape);
  },
  Squeeze: ({ inputs, attributes }) => {
    const x = /** @type {Values} */ (inputs[0]);
    return reshape(
      x,
      x.shape.filter((_, d) => !attributes.axes.includes(d)),
    );
  },
};

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {Record<string, number>} opset
 * @property {string} op
 * @property {Record<string, any>} [attributes]
 * @property {string[]} [node_inputs]
 * @property {string[]} [node_outputs]
 * @property {{ op: string, attributes: Record<string, any>, inputs: string[], outputs: string[] }[]} [nodes]
 * @property {{ name: string, shape: number[], data: number[] }[]} inputs
 * @property {{ name: string, shape: number[], data: number[] }[]} outputs
 * @property {number} rtol
 * @property {number} atol
 */

/** @returns {{ suite: string, cases: Case[] }[] | null} null where they are not there */
export function readSuites() {
  if (!existsSync(FOLDER)) return null;
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return files.sort().map((name) => {
    const { cases } = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'));
    return { suite: basename(name, '.json'), cases };
  });
}

/** @param {Case} given @returns {NonNullable<Case['nodes']>} */
function nodesOf({ nodes, op, attributes = {}, node_inputs: inputs = [], node_outputs: outputs = [] }) {
  return nodes ?? [{ op, attributes, inputs, outputs }];
}

/**
 * Computes a case with the engine, node by node.
 *
 * @param {Engine} nl
 * @param {Case} given
 * @returns {{ outputs: (Values | undefined)[], rewrites: Set<string> }} what its outputs came to
 * @throws {NotExpressible}
 */
export function compute(nl, given) {
  /** @type {Map<string, Values>} */
  const values = new Map(given.inputs.map(({ name, data, shape }) => [name, { data, shape }]));
  /** @type {Set<string>} */
  const rewrites = new Set();
  for (const { op, attributes, inputs, outputs } of nodesOf(given)) {
    const node = {
      op,
      attributes,
      opset: given.opset['ai.onnx'],
      inputs: inputs.map((name) => values.get(name)),
      outputs: outputs.length,
      rewritten: (/** @type {string} */ how) => rewrites.add(how),
    };
    if (!COMPUTED[op] && !MOVED[op]) throw new NotExpressible(`the operator ${op}`);
    const results = COMPUTED[op] ? COMPUTED[op](nl, node) : [MOVED[op](node)];
    for (const [index, name] of outputs.entries()) values.set(name, results[index]);
  }
  return { outputs: given.outputs.map(({ name }) => values.get(name)), rewrites };
}

/**
 * @param {Case} given
 * @param {(Values | undefined)[]} outputs
 * @returns {string | null} the first difference beyond the tolerance
 */
export function difference({ outputs: expected, rtol, atol }, outputs) {
  for (const [index, { name, shape, data }] of expected.entries()) {
    const actual = outputs[index];
    if (!actual) return `${name} was not computed`;
    if (`${actual.shape}` !== `${shape}`) return `${name}: expected shape [${shape}], got [${actual.shape}]`;
    if (actual.data.length !== sizeOf(shape))
      return `${name}: expected ${sizeOf(shape)} values, got ${actual.data.length}`;
    for (let i = 0; i < data.length; i++) {
      // Written so that NaN differs.
      if (!(Math.abs(actual.data[i] - data[i]) <= atol + rtol * Math.abs(data[i]))) {
        return `${name}[${i}]: expected ${data[i]}, got ${actual.data[i]}`;
      }
    }
  }
  return null;
}
