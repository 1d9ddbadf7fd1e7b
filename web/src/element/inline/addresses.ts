import { packed } from 'virtual:packed-module';
import type { Variant } from 'normlab';
import { unlzma } from '../lzma';

/*
 * In place of `wasm/addresses.js` in the script that has all in it. It carries the module that all browsers of the last years run:
 * with relaxed SIMD it would be 7 KB larger, and some 5 % faster. Images are fetched, and the scalar module is, where the folder
 * of the other script stands beside this one.
 */

const FOLDER = 'normlab-element/';

const beside = (name: string) => new URL(FOLDER + name, import.meta.url);

export async function moduleBytes(variant: Variant, read: (url: URL) => Promise<ArrayBuffer>) {
  if (variant !== 'scalar') return unlzma(Uint8Array.from(atob(packed), (byte) => byte.charCodeAt(0)));
  return unlzma(new Uint8Array(await read(beside('normlab.scalar.wasm.lzma'))));
}

export const imageUrls = () =>
  ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'].map((name) =>
    beside(`fashion-mnist/${name}-ubyte.gz`),
  );
