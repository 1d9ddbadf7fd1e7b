import { NormlabError } from '../errors.js';
import { nodeFs, reason } from './node-fs.js';

/** @typedef {import('./load.js').LoadOptions} LoadOptions */

/**
 * The files at these addresses, from disk in Node.
 *
 * @param {URL[]} urls
 * @param {LoadOptions['onProgress']} [onProgress]
 */
export async function readAll(urls, onProgress) {
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
