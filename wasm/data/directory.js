import { checkOptions, describe } from '../checks.js';
import { NormlabError } from '../errors.js';
import { cifar10 } from './cifar10.js';
import { makeDataset } from './dataset.js';
import { readFiles, reading } from './files.js';
import { idx } from './idx.js';
import { nodeFs } from './node-fs.js';
import { npzDataset, readNpz } from './npz.js';

/** @typedef {import('./dataset.js').Dataset} Dataset */

/**
 * @typedef {object} DirectoryOptions
 * @property {import('./reading.js').OnProgress} [onProgress] told of each phase's bytes: of reading, of all files together;
 *   of unpacking gzip and npz files and of standardizing floats, one after the other
 * @property {number} [maxBytes] the most that a compressed array of an npz file may inflate to, default 2^30 (1 GiB)
 *
 * @typedef {object} Splits
 * @property {Dataset} train
 * @property {Dataset} test
 * @property {string} [note] what was decided where the files leave it open: which images the test part has
 */

/**
 * A folder or file that is asked for.
 *
 * @typedef {object} Source
 * @property {string} path
 * @property {string[]} present the names in the folder
 * @property {number} [maxBytes]
 * @property {import('./reading.js').OnProgress} [onProgress]
 * @property {(name: string) => string} pathOf
 * @property {(names: string[]) => Uint8Array[]} read
 */

// The names of the MNIST files; some copies spell them with a dot, as in train-images.idx3-ubyte.
const IDX_FILES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
];
const CIFAR_BATCH = /^data_batch_(\d+)\.bin(\.gz)?$/;
const CIFAR_TEST = 'test_batch.bin';
const CIFAR_META = 'batches.meta.txt';
/** Far above ten names. */
const MAX_META = 65_536;
/** The part of a file of everything that is kept for the test. */
const TEST_PART = 1 / 6;

/**
 * Reads a dataset from disk. Node only. A folder may hold
 * - the four standard IDX files (`train-images-idx3-ubyte`, …; also spelled `train-images.idx3-ubyte`), as MNIST,
 *   Fashion-MNIST, KMNIST and others come;
 * - the binary version of CIFAR-10: `data_batch_1.bin`, …, `test_batch.bin`, and `batches.meta.txt` for the names of the
 *   classes;
 * - `train.npz` and `test.npz`, or one npz file of any name.
 *
 * The first two may have `.gz` behind their names. The path of one npz file is taken in place of a folder. The last sixth of
 * a single npz file is the test part, which `note` says.
 *
 * @param {string} path
 * @param {DirectoryOptions} [options]
 * @returns {Splits} mean and std are those of the training images in both
 * @throws {NormlabError} `io` for a folder or file that is not there, `format` for a corrupt one, `unsupported` outside
 *   Node
 */
export function loadDirectory(path, options) {
  if (typeof path !== 'string') {
    throw new NormlabError('argument', `loadDirectory: path: expected a string, got ${typeof path}`);
  }
  const { onProgress, maxBytes } = checkDirectoryOptions(options);
  const fs = nodeFs();
  if (!fs) throw new NormlabError('unsupported', 'loadDirectory: reads the file system, which only Node can');
  const isFile = reading(path, () => fs.statSync(path)).isFile();
  const present = isFile ? [] : reading(`the folder ${path}`, () => fs.readdirSync(path)).sort();
  const folder = path.replace(/\/+$/, '');
  const pathOf = (/** @type {string} */ name) => (isFile ? name : `${folder}/${name}`);
  /** @type {Source} */
  const source = {
    path,
    present,
    maxBytes,
    onProgress,
    pathOf,
    read: (names) => readFiles(fs, names.map(pathOf), onProgress),
  };
  return isFile ? wholeNpz(source, path) : readFolder(source);
}

/** @param {unknown} options @returns {DirectoryOptions} */
function checkDirectoryOptions(options) {
  const given = /** @type {DirectoryOptions} */ (
    checkOptions('loadDirectory', 'options', options, ['onProgress', 'maxBytes'])
  );
  if (given.onProgress !== undefined && typeof given.onProgress !== 'function') {
    const came = describe(given.onProgress);
    throw new NormlabError('argument', `loadDirectory: onProgress: expected a function, got ${came}`);
  }
  return given;
}

/** @param {Source} source @returns {Splits} */
function readFolder(source) {
  const { path, present } = source;
  const has = (/** @type {string[]} */ names) => names.some((name) => present.includes(name));
  if (has(IDX_FILES.flatMap(spellings))) return idxFolder(source);
  if (has(packable(CIFAR_TEST)) || present.some((name) => CIFAR_BATCH.test(name))) return cifarFolder(source);
  const archives = present.filter((name) => name.endsWith('.npz'));
  if (archives.length === 1) return wholeNpz(source, archives[0]);
  if (archives.length > 1) return npzFolder(source);
  throw new NormlabError(
    'io',
    `loadDirectory: ${path} has no data set: expected ${IDX_FILES[0]} and so on, data_batch_1.bin and so on, or .npz files`,
  );
}

/** @param {Source} source @returns {Splits} */
function idxFolder({ path, present, onProgress, pathOf, read }) {
  const names = IDX_FILES.map((file) => spellings(file).find((name) => present.includes(name)));
  const found = names.filter((name) => name !== undefined);
  if (found.length < names.length) throw lacking(path, `${IDX_FILES.filter((_, i) => !names[i]).join(', ')}${OR_GZIP}`);
  const paths = found.map(pathOf);
  const [trainImages, trainLabels, testImages, testLabels] = read(found);
  const common = { name: path, onProgress };
  const train = idx(trainImages, trainLabels, { ...common, imagesName: paths[0], labelsName: paths[1] });
  const { mean, std } = train;
  const test = idx(testImages, testLabels, { ...common, mean, std, imagesName: paths[2], labelsName: paths[3] });
  if (`${test.shape}` !== `${train.shape}`) {
    throw new NormlabError(
      'format',
      `idx: ${paths[2]}: expected images [${train.shape}] as in ${paths[0]}, got [${test.shape}] (byte 8)`,
    );
  }
  return ofOneCount(train, test);
}

/** @param {Source} source @returns {Splits} */
function cifarFolder({ path, present, onProgress, pathOf, read }) {
  const batches = cifarBatches(present);
  const held = packable(CIFAR_TEST).find((name) => present.includes(name));
  if (batches.length === 0) throw lacking(path, `data_batch_1.bin${OR_GZIP}`);
  if (!held) throw lacking(path, CIFAR_TEST + OR_GZIP);
  const meta = present.includes(CIFAR_META) ? [CIFAR_META] : [];
  const files = read([...batches, held, ...meta]);
  const classNames = meta.length > 0 ? namesIn(files[batches.length + 1], pathOf(CIFAR_META)) : undefined;
  const common = { name: path, classNames, onProgress };
  const train = cifar10(...files.slice(0, batches.length), { ...common, fileNames: batches.map(pathOf) });
  const { mean, std } = train;
  return { train, test: cifar10(files[batches.length], { ...common, mean, std, fileNames: [pathOf(held)] }) };
}

/**
 * @param {string[]} present sorted: a plain file comes before its gzip
 * @returns {string[]} one a batch, in the order of their numbers
 */
function cifarBatches(present) {
  /** @type {Map<number, string>} */
  const batches = new Map();
  for (const name of present) {
    const number = Number(CIFAR_BATCH.exec(name)?.[1] ?? Number.NaN);
    if (!Number.isNaN(number) && !batches.has(number)) batches.set(number, name);
  }
  return [...batches].sort(([a], [b]) => a - b).map(([, name]) => name);
}

/**
 * @param {Uint8Array} bytes a name a line
 * @param {string} path
 */
function namesIn(bytes, path) {
  const names =
    bytes.length > MAX_META
      ? []
      : new TextDecoder()
          .decode(bytes)
          .split('\n')
          .map((line) => line.trim());
  while (names.at(-1) === '') names.pop();
  const blank = names.indexOf('');
  if (names.length === 0 || names.length > 256 || blank >= 0) {
    const came = blank >= 0 ? `an empty line ${blank + 1}` : `${names.length} in ${bytes.length} bytes`;
    throw new NormlabError('format', `cifar10: ${path}: expected 1 to 256 names of classes, one a line, got ${came}`);
  }
  return names;
}

/** @param {Source} source @returns {Splits} */
function npzFolder({ path, present, maxBytes, onProgress, pathOf, read }) {
  const names = ['train.npz', 'test.npz'];
  const missing = names.filter((name) => !present.includes(name));
  if (missing.length > 0) throw lacking(path, `${missing.join(', ')}, but more than one .npz file`);
  const [train, test] = read(names).map((bytes, i) =>
    readNpz(bytes, { fileName: pathOf(names[i]), maxBytes, onProgress }),
  );
  const kinds = [train, test].map(({ images, shape }) => `${kindOf(images)} [${shape}]`);
  if (kinds[0] !== kinds[1]) {
    const [here, there] = names.map(pathOf);
    throw new NormlabError(
      'format',
      `npz: ${there}: images.npy: expected ${kinds[0]} as in ${here}, got ${kinds[1]} (byte 0)`,
    );
  }
  return splits(path, { train, test }, [pathOf(names[0]), pathOf(names[1])], onProgress);
}

/** @param {Uint8Array | Float32Array} images */
const kindOf = (images) => (images instanceof Uint8Array ? 'bytes' : 'floats');

/**
 * @param {Source} source
 * @param {string} file
 * @returns {Splits}
 */
function wholeNpz({ path, maxBytes, onProgress, pathOf, read }, file) {
  const fileName = pathOf(file);
  const [bytes] = read([file]);
  const { images, shape, labels } = readNpz(bytes, { fileName, maxBytes, onProgress });
  const { length } = labels;
  if (length < 2) {
    throw new NormlabError(
      'format',
      `npz: ${fileName}: expected images for training and test, got 1 (labels.npy, byte 0)`,
    );
  }
  const count = Math.max(1, Math.floor(length * TEST_PART));
  const from = length - count;
  const at = (images.length / length) * from;
  const train = { shape, images: images.subarray(0, at), labels: labels.subarray(0, from) };
  const test = { shape, images: images.subarray(at), labels: labels.subarray(from) };
  const note = `${fileName} has no test part: the last ${count} of its ${length} images are taken for it`;
  const parts = [`${fileName}, training part`, `${fileName}, test part`];
  return { ...splits(path, { train, test }, parts, onProgress), note };
}

/**
 * @param {string} name
 * @param {{ train: import('./npz.js').LabelledArrays, test: import('./npz.js').LabelledArrays }} arrays
 * @param {string[]} files what reports call them
 * @param {import('./reading.js').OnProgress} [onProgress]
 */
function splits(name, arrays, [trainFile, testFile], onProgress) {
  const train = npzDataset(arrays.train, { name, onProgress, fileName: trainFile });
  const { mean, std } = train;
  return ofOneCount(train, npzDataset(arrays.test, { name, onProgress, fileName: testFile, mean, std }));
}

/**
 * The same with as many classes in both: no file says how many there are, and a split may lack the last one.
 *
 * @param {Dataset} train
 * @param {Dataset} test
 */
function ofOneCount(train, test) {
  const classes = Math.max(train.classes, test.classes);
  return { train: makeDataset({ ...train, classes }), test: makeDataset({ ...test, classes }) };
}

const OR_GZIP = ' (nor with .gz)';

/** @param {string} path @param {string} what */
const lacking = (path, what) => new NormlabError('io', `loadDirectory: ${path} has no ${what}`);

/** @param {string} name */
const packable = (name) => [name, `${name}.gz`];

/** @param {string} file */
const spellings = (file) => [file, file.replace('-idx', '.idx')].flatMap(packable);
