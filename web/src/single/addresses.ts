/* In place of `wasm/addresses.js` in the build of one file. */

import { fileOf, images, modules } from './files';

/** Not an address of a Blob: WebKit reads none where a page comes from disk. */
const address = (name: string) => new URL(`data:application/wasm;base64,${fileOf(name)}`);

export const moduleUrls = {
  relaxed: () => address(modules.relaxed),
  simd: () => address(modules.simd),
  scalar: () => address(modules.scalar),
};

/** For `readAll`. */
export const imageUrls = () => images;
