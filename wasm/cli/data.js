import { datasetNames } from '../data/load.js';
import { blame } from './failure.js';
import { loadProgress } from './progress.js';

/**
 * What `--data` names, the training images cut to `--limit`.
 *
 * @param {import('../index.js').Engine} engine
 * @param {{ data: string, limit?: number, quiet?: boolean }} options
 * @returns {Promise<import('../data/directory.js').Splits>}
 */
export async function loadData(engine, { data, limit, quiet }) {
  const progress = loadProgress({ quiet });
  const onProgress = progress.update;
  try {
    const { train, ...rest } = await blame(`--data ${data}`, () =>
      datasetNames.includes(data)
        ? engine.loadDataset(data, { onProgress })
        : engine.loadDirectory(data, { onProgress }),
    );
    return { ...rest, train: train.slice(0, limit) };
  } finally {
    progress.pause();
  }
}
