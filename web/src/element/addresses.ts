/* In place of `wasm/addresses.js` in builds of one script: the modules and the images stand beside it, by these names. */

/** A name that is not written out where the address is made: no bundler takes the file along. */
const beside = (name: string) => new URL(name, import.meta.url);

export const moduleUrls = {
  relaxed: () => beside('normlab.relaxed.wasm'),
  simd: () => beside('normlab.simd.wasm'),
  scalar: () => beside('normlab.scalar.wasm'),
};

export const imageUrls = () =>
  ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'].map((name) =>
    beside(`fashion-mnist/${name}-ubyte.gz`),
  );
