import { epochTable } from './epoch-table.js';
import { prepare } from './experiment.js';
import { EXIT } from './failure.js';
import { onInterrupt } from './interrupt.js';
import { heading, percent, print, printJson } from './report.js';
import { runTraining } from './training.js';

/**
 * `normlab train`
 *
 * @param {import('./options.js').TrainingOptions} options
 * @param {(name: keyof import('./options.js').TrainingOptions) => boolean} given
 * @returns {Promise<number>} the exit status
 */
export async function train(options, given) {
  const { signal, dispose } = onInterrupt();
  const experiment = await prepare(options, given);
  try {
    const { json, quiet, epochs } = options;
    if (!json) print(`${heading(experiment.settings)}\n\n${epochTable.header}`);
    const result = await runTraining(experiment, {
      epochs,
      quiet,
      signal,
      onEpoch: (epoch) => {
        if (!json) print(epochTable.row(epoch));
      },
    });
    if (json) {
      printJson({ command: 'train', ...experiment.settings, ...result });
    } else {
      print(summary(result));
    }
    return result.interrupted ? EXIT.interrupted : EXIT.done;
  } finally {
    dispose();
    experiment.engine.dispose();
  }
}

/** @param {import('./training.js').TrainingResult} result */
function summary({ epochs, testAccuracy, testAccuracyTrainMode, interrupted, notes }) {
  const figures = `test accuracy ${percent(testAccuracy)} in eval mode, ${percent(testAccuracyTrainMode)} in train mode`;
  const stopped = `interrupted: ${epochs.length} epochs finished`;
  return ['', ...(interrupted ? [stopped] : []), figures, ...notes.map((note) => `note: ${note}`)].join('\n');
}
