import { checkOptions, describe } from '../checks.js';
import { NormlabError } from '../errors.js';
import { loadFashionMnist } from './fashion-mnist.js';
import { madeNames, madeSplits } from './synthetic.js';

/** @typedef {import('./dataset.js').Dataset} Dataset */

/**
 * @typedef {object} LoadOptions
 * @property {(progress: { loaded: number, total: number | null }) => void} [onProgress] bytes read so far, of all
 *   files, or made of what is made up; `total` is null where the server does not tell, or compresses on the way
 */

/** The names that {@link loadDataset} knows. */
export const datasetNames = Object.freeze(['fashion-mnist', ...madeNames]);

/**
 * Loads a dataset that ships with the package: Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist, MIT),
 * the first 10,000 training and 2,000 test images, 1×28×28, 10 classes; or makes one up, 5,000 training and 1,000 test
 * images of 10 classes: `blobs` 1×28×28, `textures` 3×32×32, as `nl.blobs` and `nl.textures` do.
 *
 * @param {string} name `'fashion-mnist'`, `'blobs'` or `'textures'`
 * @param {LoadOptions} [options]
 * @param {import('../runtime.js').Runtime} [runtime] what makes sets up
 * @returns {Promise<{ train: Dataset, test: Dataset }>} mean and std are those of the training images in both
 * @throws {NormlabError} `argument` for an unknown name, `io` for a file that cannot be read, `format` for a corrupt one
 */
export async function loadDataset(name, options, runtime) {
  if (!datasetNames.includes(name)) {
    throw new NormlabError(
      'argument',
      `loadDataset: name: expected ${datasetNames.join(' or ')}, got ${describe(name)}`,
    );
  }
  const { onProgress } = /** @type {LoadOptions} */ (checkOptions('loadDataset', 'options', options, ['onProgress']));
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new NormlabError('argument', `loadDataset: onProgress: expected a function, got ${describe(onProgress)}`);
  }
  if (runtime && madeNames.includes(name)) return madeSplits(runtime, name, onProgress);
  return loadFashionMnist(onProgress);
}
