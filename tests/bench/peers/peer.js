import { createRequire } from 'node:module';
import { presetSpec } from 'normlab';
import { WORKS } from '../works.js';

/**
 * What the scripts of the peers share: they take `--exactly NAME` or words, as pytorch.py does, and print a JSON line each.
 *
 * @typedef {{ run: () => unknown, repeats?: number }} Prepared `run` does a work `repeats` times. It may be asynchronous,
 *   and may return how many of its milliseconds count.
 * @typedef {import('normlab').ModelSpec} ModelSpec
 * @typedef {{
 *   norm?: (type: string, mode: string, shape: number[]) => Prepared | undefined | Promise<Prepared>,
 *   gemm?: (n: number) => Prepared | Promise<Prepared>,
 *   train?: (spec: ModelSpec, batch: number) => Prepared | undefined | Promise<Prepared>,
 *   infer?: (spec: ModelSpec, batch: number) => Prepared | undefined | Promise<Prepared>,
 * }} Abilities what is missing, or gives nothing, the peer cannot express
 */

const SAMPLES = 11;
const SAMPLE_MS = 25;
const WARM_UP_MS = 250;

/** Where make setup-peers installs. */
export const fromPeers = createRequire(new URL('../../../build/peers/', import.meta.url));

/** @type {Record<string, ModelSpec>} */
const SPECS = {
  'smallcnn-batch': presetSpec('smallcnn', { norm: 'batch' }),
  'smallcnn-group': presetSpec('smallcnn', { norm: 'group' }),
  'smallcnn-none': presetSpec('smallcnn', { norm: 'none' }),
  seedmlp: presetSpec('mlp', { norm: 'batch' }),
  seedconvnet: presetSpec('convnet', { norm: 'batch' }),
};

/** The peer has this work in its language, but not in its kernels. */
export class Missing extends Error {}

/**
 * @param {string} peer its name and version
 * @param {Abilities} abilities
 */
export async function measurePeer(peer, abilities) {
  for (const { name } of WORKS.filter(chosen)) {
    try {
      const prepared = await prepare(abilities, name);
      if (!prepared) continue;
      const ms = await measure(prepared);
      const batch = Number(/ B=(\d+)$/.exec(name)?.[1]);
      print({ work: name, peer, ms: round(ms), ...(batch && { images_per_s: Math.round((1000 * batch) / ms) }) });
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      print({ work: name, peer, reason: error.message });
    }
  }
}

function chosen({ name }) {
  const words = process.argv.slice(2);
  if (words[0] === '--exactly') return name === words[1];
  return words.length === 0 || words.some((word) => name.includes(word));
}

/** @param {Abilities} abilities */
function prepare({ norm, gemm, train, infer }, name) {
  const [what, of, batch] = name.split(' ');
  if (what === 'gemm') return gemm?.(Number(of));
  if (what === 'train') return train?.(SPECS[of], Number(batch.slice(2)));
  if (what === 'infer') return infer?.(SPECS[of], Number(batch.slice(2)));
  const [, type, mode] = /^([^_]*)_(.*)$/.exec(what);
  return norm?.(type, mode, of.split('x').map(Number));
}

/** @param {Prepared} prepared */
async function measure({ run, repeats = 1 }) {
  let times = 1;
  let took = 0;
  for (let spent = 0; spent < WARM_UP_MS || took < SAMPLE_MS / 2; spent += took) {
    if (took < SAMPLE_MS / 2 && spent > 0) times *= 2;
    took = await time(run, times);
    await new Promise((resolve) => setTimeout(resolve));
  }
  const samples = [];
  for (let i = 0; i < SAMPLES; i++) samples.push((await time(run, times)) / times / repeats);
  return samples.sort((a, b) => a - b)[SAMPLES >> 1];
}

async function time(run, times) {
  let ms = 0;
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    const counted = await run();
    ms += counted ?? performance.now() - began;
  }
  return ms;
}

/** @param {number[]} shape @returns {Float32Array} of mean 0 and deviation `scale` */
export function noise(shape, scale = 1) {
  const size = shape.reduce((a, b) => a * b);
  return Float32Array.from({ length: size }, (_, i) => (((i * 2654435761) >>> 8) / 2 ** 23 - 1) * Math.sqrt(3) * scale);
}

/** The weights' deviation that keeps the size of what passes through. */
export const spread = (fanIn) => 1 / Math.sqrt(fanIn);

const print = (line) => console.log(JSON.stringify(line));
const round = (value) => Number(value.toPrecision(4));
