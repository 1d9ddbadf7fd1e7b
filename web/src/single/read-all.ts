import { bytesOf } from './files';

/* In place of `wasm/data/fetch.js` in the build of one file. */

export const readAll = async (names: readonly string[]) => names.map(bytesOf);
