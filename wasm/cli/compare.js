import { epochTable } from './epoch-table.js';
import { prepare } from './experiment.js';
import { EXIT } from './failure.js';
import { onInterrupt } from './interrupt.js';
import { heading, percent, print, printJson, short, table } from './report.js';
import { runTraining } from './training.js';

/**
 * How far one layer's output on a batch is apart in the two modes.
 *
 * @typedef {object} LayerDifference
 * @property {string} key
 * @property {string} type
 * @property {number[]} shape
 * @property {{ maxAbs: number, meanAbs: number, rms: number, cosine: number }} diff
 */

/**
 * `normlab compare`
 *
 * @param {import('./options.js').TrainingOptions} options
 * @param {(name: keyof import('./options.js').TrainingOptions) => boolean} given
 * @returns {Promise<number>} the exit status
 */
export async function compare(options, given) {
  const { signal, dispose } = onInterrupt();
  const experiment = await prepare(options, given);
  try {
    const { json, quiet, epochs } = options;
    if (!json) print(`${heading(experiment.settings)}\n${epochs > 0 ? `\n${epochTable.header}` : ''}`);
    const result = await runTraining(experiment, {
      epochs,
      quiet,
      signal,
      onEpoch: (epoch) => {
        if (!json) print(epochTable.row(epoch));
      },
    });
    const modes = result.interrupted ? null : compareModes(experiment);
    if (json) {
      printJson({ command: 'compare', ...experiment.settings, ...result, ...(modes ?? { layers: [], changed: null }) });
    } else {
      print(modes ? report(result, modes) : `\ninterrupted: ${result.epochs.length} epochs finished`);
    }
    return result.interrupted ? EXIT.interrupted : EXIT.done;
  } finally {
    dispose();
    experiment.engine.dispose();
  }
}

/** @param {import('./experiment.js').Experiment} experiment */
function compareModes({ model, data, sampling, settings }) {
  const images = Math.min(settings.batchSize, data.test.length);
  const order = [...data.test.labels.keys()];
  if (sampling.sortTestByClass) order.sort((a, b) => data.test.labels[a] - data.test.labels[b]);
  const { x, labels } = data.test.batch(order.slice(0, images));
  const { layers, changed } = model.compareModes(x, { labels });
  return {
    /** number of test images that were compared, the first ones, as one batch */
    images,
    layers: layers.map(({ key, type, shape, diff }) => ({ key, type, shape, diff })),
    /** those whose predicted label depends on the mode */
    changed,
  };
}

const layerTable = table(
  /** @type {import('./report.js').Column<LayerDifference>[]} */ ([
    { title: 'layer', width: 16, left: true, cell: ({ key }) => key },
    { title: 'type', width: 16, left: true, cell: ({ type }) => type },
    { title: 'shape', width: 12, left: true, cell: ({ shape }) => shape.join('×') },
    { title: 'max', width: 9, cell: ({ diff }) => short(diff.maxAbs) },
    { title: 'mean', width: 9, cell: ({ diff }) => short(diff.meanAbs) },
    { title: 'rms', width: 9, cell: ({ diff }) => short(diff.rms) },
    { title: 'cosine', width: 8, cell: ({ diff }) => diff.cosine.toFixed(5) },
  ]),
);

/**
 * @param {import('./training.js').TrainingResult} result
 * @param {ReturnType<typeof compareModes>} modes
 */
function report({ testAccuracy, testAccuracyTrainMode, notes }, { images, layers, changed }) {
  return [
    '',
    `Output in train mode against eval mode, on the first ${images} test images as one batch:`,
    layerTable.header,
    ...layers.map(layerTable.row),
    '',
    `${changed.length} of ${images} predicted labels change with the mode`,
    `test accuracy ${percent(testAccuracy)} in eval mode, ${percent(testAccuracyTrainMode)} in train mode`,
    ...notes.map((note) => `note: ${note}`),
  ].join('\n');
}
