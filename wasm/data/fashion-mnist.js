import { imageUrls } from '../addresses.js';
import { NormlabError } from '../errors.js';
import { readAll } from './fetch.js';
import { readIdx } from './idx-plain.js';

const NAME = 'fashion-mnist';

/** https://github.com/zalandoresearch/fashion-mnist#labels */
const CLASS_NAMES = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

const PARTS = ['train images', 'train labels', 'test images', 'test labels'];

/**
 * Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist, MIT): its first 10,000 training and 2,000 test images,
 * 1×28×28, 10 classes.
 *
 * @param {import('./load.js').LoadOptions['onProgress']} [onProgress]
 * @returns {Promise<{ train: import('./dataset.js').Dataset, test: import('./dataset.js').Dataset }>} mean and std are those
 *   of the training images in both
 * @throws {import('../errors.js').NormlabError} `io` for a file that cannot be read, `format` for a corrupt one
 */
export async function loadFashionMnist(onProgress) {
  const fileNames = PARTS.map((part) => `${NAME} ${part}`);
  const [trainImages, trainLabels, testImages, testLabels] = fileNames;
  const packed = await readAll(imageUrls(), onProgress);
  const parts = await Promise.all(packed.map((bytes, i) => unpack(bytes, fileNames[i])));
  const common = { name: NAME, classNames: CLASS_NAMES };
  const train = readIdx(parts[0], parts[1], { ...common, imagesName: trainImages, labelsName: trainLabels });
  const { mean, std } = train;
  const test = readIdx(parts[2], parts[3], { ...common, mean, std, imagesName: testImages, labelsName: testLabels });
  return { train, test };
}

/**
 * Takes bytes out of gzip, by what the host has for it; a server may have undone the compression on the way.
 *
 * @param {Uint8Array} bytes
 * @param {string} file
 */
async function unpack(bytes, file) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    // Not by a Blob, which WebKit reads in no page from disk and in no sandboxed frame.
    const { body } = new Response(/** @type {BodyInit} */ (bytes));
    const stream = /** @type {NonNullable<typeof body>} */ (body).pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw new NormlabError('format', `loadDataset: ${file}: not a whole gzip file: ${cause}`, { cause });
  }
}
