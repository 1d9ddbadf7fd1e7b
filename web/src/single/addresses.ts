import type { Variant } from 'normlab';
import { unlzma } from '../element/lzma';
import { bytesOf, images, modules } from './files';

/* In place of `wasm/addresses.js` in the build of one file. */

export const moduleBytes = async (variant: Variant) => unlzma(bytesOf(modules[variant]));

/** For `readAll`. */
export const imageUrls = () => images;
