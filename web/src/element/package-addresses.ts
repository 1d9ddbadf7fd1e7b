import type { Variant } from 'normlab';

/*
 * In place of `wasm/addresses.js` in the build for bundlers, which stands in `dist/element`: each address is written out, as bundlers
 * recognize it, and is that of the package's own file. It is for them to take the file along, not for this build.
 */

const moduleUrls = {
  relaxed: () => new URL(/* @vite-ignore */ '../../wasm/modules/normlab.relaxed.wasm', import.meta.url),
  simd: () => new URL(/* @vite-ignore */ '../../wasm/modules/normlab.simd.wasm', import.meta.url),
  scalar: () => new URL(/* @vite-ignore */ '../../wasm/modules/normlab.scalar.wasm', import.meta.url),
};

export const moduleBytes = (variant: Variant, read: (url: URL) => Promise<BufferSource>) => read(moduleUrls[variant]());

export const imageUrls = () => [
  new URL(/* @vite-ignore */ '../../wasm/data/fashion-mnist/train-images-idx3-ubyte.gz', import.meta.url),
  new URL(/* @vite-ignore */ '../../wasm/data/fashion-mnist/train-labels-idx1-ubyte.gz', import.meta.url),
  new URL(/* @vite-ignore */ '../../wasm/data/fashion-mnist/t10k-images-idx3-ubyte.gz', import.meta.url),
  new URL(/* @vite-ignore */ '../../wasm/data/fashion-mnist/t10k-labels-idx1-ubyte.gz', import.meta.url),
];
