import type { Variant } from 'normlab';
import { unlzma } from './lzma';

/* In place of `wasm/addresses.js` in the element's script: what it fetches stands in one folder beside it, by these names. */

const FOLDER = 'normlab-element/';

/** A name that is not written out where the address is made: no bundler takes the file along. */
const beside = (name: string) => new URL(FOLDER + name, import.meta.url);

export async function moduleBytes(variant: Variant, read: (url: URL) => Promise<ArrayBuffer>) {
  return unlzma(new Uint8Array(await read(beside(`normlab.${variant}.wasm.lzma`))));
}

export const imageUrls = () =>
  ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'].map((name) =>
    beside(`fashion-mnist/${name}-ubyte.gz`),
  );
