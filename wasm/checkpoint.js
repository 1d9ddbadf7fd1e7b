import { describe } from './checks.js';
import { NormlabError } from './errors.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';

/*
 * What the package's own files have in common: safetensors whose metadata say what they hold, each value as JSON.
 */

/**
 * @typedef {import('./safetensors.js').Stored} Stored
 *
 * @typedef {'model' | 'trainer'} Kind
 *
 * @typedef {{ tensors: Map<string, Stored>, values: Record<string, any> }} Checkpoint
 */

/** @type {Record<Kind, string>} what reads each */
const READERS = { model: 'nl.loadModel()', trainer: 'trainer.loadState()' };

/**
 * @param {Kind} kind
 * @param {string} version of the engine
 * @param {Iterable<[string, Stored]>} tensors
 * @param {Record<string, unknown>} values anything that JSON can hold
 */
export function writeCheckpoint(kind, version, tensors, values) {
  const metadata = Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]);
  // As transformers asks of a file whose keys and layouts are PyTorch's.
  const head = { format: 'pt', normlab: kind, version };
  return writeSafetensors(new Map(tensors), { ...head, ...Object.fromEntries(metadata) });
}

/**
 * @param {string} call
 * @param {Kind} kind
 * @param {unknown} bytes
 * @param {readonly string[]} wanted names of values that must be there
 * @returns {Checkpoint}
 * @throws {NormlabError} `format`
 */
export function readCheckpoint(call, kind, bytes, wanted) {
  const { tensors, metadata } = readSafetensors(call, bytes);
  const came = metadata.get('normlab');
  if (came !== kind) throw new NormlabError('format', `${call}: ${otherKind(kind, came)}`);
  /** @type {Record<string, any>} */
  const values = {};
  for (const name of wanted) {
    const text = metadata.get(name);
    if (text === undefined) throw new NormlabError('format', `${call}: metadata: expected '${name}', got none`);
    try {
      values[name] = JSON.parse(text);
    } catch (cause) {
      throw new NormlabError('format', `${call}: metadata '${name}': expected JSON, got ${describe(text)}`, { cause });
    }
  }
  return { tensors, values };
}

/** @param {Kind} kind @param {string | undefined} came */
function otherKind(kind, came) {
  const known = Object.entries(READERS).find(([key]) => key === came);
  if (known) return `these bytes are of a ${known[0]}: ${known[1]} reads them`;
  if (came !== undefined) return `metadata 'normlab': expected '${kind}', got ${describe(came)}`;
  const way = 'load tensors of others into a model with model.loadStateDict(nl.safetensors(bytes))';
  return `metadata: expected 'normlab' and the spec that model.save() writes, got none; ${way}`;
}

/**
 * Where two values that came by way of JSON differ.
 *
 * @param {string} path of both
 * @param {any} one
 * @param {any} other
 * @returns {{ path: string, one: unknown, other: unknown } | null} the first place; undefined for what is not there
 */
export function firstDifference(path, one, other) {
  if (one === other) return null;
  const parts = [one, other].map((value) => value !== null && typeof value === 'object');
  if (!parts[0] || !parts[1] || Array.isArray(one) !== Array.isArray(other)) return { path, one, other };
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const place = Array.isArray(one) ? `${path}[${key}]` : `${path}.${key}`;
    const [a, b] = [one, other].map((value) => (Object.hasOwn(value, key) ? value[key] : undefined));
    const found = firstDifference(place, a, b);
    if (found) return found;
  }
  return null;
}
