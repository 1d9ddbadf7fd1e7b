/**
 * Where what is no code stands, beside the code. Each address is written out in full: this is the form in which bundlers
 * (Vite, webpack, Rollup) recognize an asset and put its final address in place.
 */

/** @type {Record<import('./load.js').Variant, () => URL>} */
export const moduleUrls = {
  relaxed: () => new URL('./modules/normlab.relaxed.wasm', import.meta.url),
  simd: () => new URL('./modules/normlab.simd.wasm', import.meta.url),
  scalar: () => new URL('./modules/normlab.scalar.wasm', import.meta.url),
};

/**
 * The bytes of a module, where builds for pages have it in another form.
 *
 * @param {import('./load.js').Variant} variant
 * @param {(url: URL) => Promise<BufferSource>} read
 */
export const moduleBytes = (variant, read) => read(moduleUrls[variant]());

/** Of Fashion-MNIST: images and labels to train on, images and labels to test with. */
export const imageUrls = () => [
  new URL('./data/fashion-mnist/train-images-idx3-ubyte.gz', import.meta.url),
  new URL('./data/fashion-mnist/train-labels-idx1-ubyte.gz', import.meta.url),
  new URL('./data/fashion-mnist/t10k-images-idx3-ubyte.gz', import.meta.url),
  new URL('./data/fashion-mnist/t10k-labels-idx1-ubyte.gz', import.meta.url),
];
