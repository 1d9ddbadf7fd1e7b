import { NormlabError } from '../errors.js';
import { makeDataset } from './dataset.js';
import { idx } from './idx.js';
import { nodeFs, reason } from './node-fs.js';

/** @typedef {import('./dataset.js').Dataset} Dataset */

// The names of the MNIST files; some copies spell them with a dot, as in train-images.idx3-ubyte.
const FILES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
];

/**
 * Reads a folder of the four standard IDX files (`train-images-idx3-ubyte`, …; plain or with `.gz`, also spelled
 * `train-images.idx3-ubyte`), as MNIST, Fashion-MNIST, KMNIST and others come. Node only.
 *
 * @param {string} path
 * @returns {{ train: Dataset, test: Dataset }} mean and std are those of the training images in both
 * @throws {NormlabError} `io` for a folder or file that is not there, `format` for a corrupt one, `unsupported` outside
 *   Node
 */
export function loadDirectory(path) {
  if (typeof path !== 'string') {
    throw new NormlabError('argument', `loadDirectory: path: expected a string, got ${typeof path}`);
  }
  const fs = nodeFs();
  if (!fs) throw new NormlabError('unsupported', 'loadDirectory: reads the file system, which only Node can');
  const present = reading(`the folder ${path}`, () => fs.readdirSync(path));
  const names = FILES.map((file) => spellings(file).find((name) => present.includes(name)));
  const missing = FILES.filter((_, i) => !names[i]);
  if (missing.length > 0) {
    throw new NormlabError('io', `loadDirectory: ${path} has no ${missing.join(', ')} (nor with .gz)`);
  }
  const paths = names.map((name) => `${path.replace(/\/+$/, '')}/${name}`);
  const [trainImages, trainLabels, testImages, testLabels] = paths.map((file) =>
    reading(file, () => fs.readFileSync(file)),
  );
  const train = idx(trainImages, trainLabels, { name: path, imagesName: paths[0], labelsName: paths[1] });
  const { mean, std } = train;
  const test = idx(testImages, testLabels, { name: path, mean, std, imagesName: paths[2], labelsName: paths[3] });
  if (`${test.shape}` !== `${train.shape}`) {
    throw new NormlabError(
      'format',
      `idx: ${paths[2]}: expected images [${train.shape}] as in ${paths[0]}, got [${test.shape}] (byte 8)`,
    );
  }
  // Neither file says how many classes there are, and a split may lack the last one.
  const classes = Math.max(train.classes, test.classes);
  return { train: makeDataset({ ...train, classes }), test: makeDataset({ ...test, classes }) };
}

/**
 * @template T
 * @param {string} what
 * @param {() => T} read
 * @returns {T}
 */
function reading(what, read) {
  try {
    return read();
  } catch (error) {
    throw new NormlabError('io', `loadDirectory: cannot read ${what}: ${reason(error)}`, { cause: error });
  }
}

/** @param {string} file */
function spellings(file) {
  const dotted = file.replace('-idx', '.idx');
  return [file, `${file}.gz`, dotted, `${dotted}.gz`];
}
