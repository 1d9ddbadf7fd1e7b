/* In place of `wasm/addresses.js` in the build of one file. */

import { addressOf, images, modules } from './files';

export const moduleUrls = {
  relaxed: () => addressOf(modules.relaxed),
  simd: () => addressOf(modules.simd),
  scalar: () => addressOf(modules.scalar),
};

export const imageUrls = () => images.map(addressOf);
