import { checkOptions, describe } from '../checks.js';
import { NormlabError } from '../errors.js';
import { idx } from './idx.js';
import { nodeFs, reason } from './node-fs.js';
import { madeNames, madeSplits } from './synthetic.js';

/** @typedef {import('./dataset.js').Dataset} Dataset */

/**
 * @typedef {object} LoadOptions
 * @property {(progress: { loaded: number, total: number | null }) => void} [onProgress] bytes read so far, of all
 *   files, or made of what is made up; `total` is null where the server does not tell, or compresses on the way
 */

/**
 * The files are named one by one and in full: this is the form in which bundlers (Vite, webpack, Rollup) recognize an
 * asset and put its final address in place.
 *
 * @type {Record<string, { files: () => Record<string, URL>, classNames: string[] }>}
 */
const DATASETS = {
  'fashion-mnist': {
    files: () => ({
      'train images': new URL('./fashion-mnist/train-images-idx3-ubyte.gz', import.meta.url),
      'train labels': new URL('./fashion-mnist/train-labels-idx1-ubyte.gz', import.meta.url),
      'test images': new URL('./fashion-mnist/t10k-images-idx3-ubyte.gz', import.meta.url),
      'test labels': new URL('./fashion-mnist/t10k-labels-idx1-ubyte.gz', import.meta.url),
    }),
    // https://github.com/zalandoresearch/fashion-mnist#labels
    classNames: [
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
    ],
  },
};

/** The names that {@link loadDataset} knows. */
export const datasetNames = Object.freeze([...Object.keys(DATASETS), ...madeNames]);

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
  const { files, classNames } = DATASETS[name];
  const urls = files();
  const parts = await readAll(Object.values(urls), onProgress);
  const [trainImages, trainLabels, testImages, testLabels] = Object.keys(urls).map((part) => `${name} ${part}`);
  const train = idx(parts[0], parts[1], { name, classNames, imagesName: trainImages, labelsName: trainLabels });
  const { mean, std } = train;
  const test = idx(parts[2], parts[3], { name, classNames, mean, std, imagesName: testImages, labelsName: testLabels });
  return { train, test };
}

/**
 * @param {URL[]} urls
 * @param {LoadOptions['onProgress']} [onProgress]
 */
async function readAll(urls, onProgress) {
  const fs = nodeFs()?.promises;
  const sources = await Promise.all(
    urls.map((url) => (fs && url.protocol === 'file:' ? openFile(fs, url) : openUrl(url))),
  );
  const lengths = sources.map(({ length }) => length ?? Number.NaN);
  const sum = lengths.reduce((a, b) => a + b, 0);
  const total = Number.isNaN(sum) ? null : sum;
  let loaded = 0;
  onProgress?.({ loaded, total });
  return Promise.all(
    sources.map(({ read }) =>
      read((bytes) => {
        loaded += bytes;
        onProgress?.({ loaded, total });
      }),
    ),
  );
}

/**
 * @typedef {object} Source
 * @property {number | null} length in bytes, where it is known
 * @property {(progress: (bytes: number) => void) => Promise<Uint8Array>} read
 */

/** @param {typeof import('node:fs').promises} fs @param {URL} url @returns {Promise<Source>} */
async function openFile(fs, url) {
  const { size } = await fs.stat(url).catch((error) => {
    throw unreadable(url, reason(error), error);
  });
  return {
    length: size,
    async read(progress) {
      const bytes = await fs.readFile(url).catch((error) => {
        throw unreadable(url, reason(error), error);
      });
      progress(bytes.length);
      return bytes;
    },
  };
}

/** @param {URL} url @returns {Promise<Source>} */
async function openUrl(url) {
  const response = await fetch(url).catch((error) => {
    throw unreadable(url, String(error), error);
  });
  const { ok, status, body, headers } = response;
  if (!ok || !body) throw unreadable(url, `HTTP status ${status}`);
  if (url.protocol === 'data:') {
    // A bundler has put a small file into the script: it is here, whatever the response says of its length.
    const bytes = new Uint8Array(await response.arrayBuffer());
    return {
      length: bytes.length,
      async read(progress) {
        progress(bytes.length);
        return bytes;
      },
    };
  }
  // With a Content-Encoding the length is that of the encoded bytes, while the stream gives the decoded ones.
  const length = headers.has('content-encoding') ? null : Number(headers.get('content-length') ?? Number.NaN);
  return {
    length,
    async read(progress) {
      /** @type {Uint8Array[]} */
      const chunks = [];
      const reader = body.getReader();
      try {
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          chunks.push(part.value);
          progress(part.value.length);
        }
      } catch (error) {
        throw unreadable(url, String(error), error);
      }
      return new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (chunks)).arrayBuffer());
    },
  };
}

/** @param {URL} url @param {string} why @param {unknown} [cause] */
function unreadable(url, why, cause) {
  return new NormlabError('io', `loadDataset: cannot read ${url}: ${why}`, { cause });
}
