import { openCheckpoint } from './checkpoint.js';
import { epochTable } from './epoch-table.js';
import { prepare } from './experiment.js';
import { EXIT } from './failure.js';
import { onInterrupt } from './interrupt.js';
import { measurementReport, openMeasurements } from './measurements.js';
import { outputFile } from './output-file.js';
import { heading, percent, print, printJson } from './report.js';
import { runTraining } from './training.js';

/**
 * `normlab train`
 *
 * @param {import('./options.js').TrainOptions} options
 * @param {(name: keyof import('./options.js').TrainOptions) => boolean} given
 * @returns {Promise<number>} the exit status
 */
export async function train(options, given) {
  const measurements = openMeasurements(options);
  const { signal, dispose } = onInterrupt();
  const experiment = await prepare(options, given);
  try {
    const { json, quiet, epochs } = options;
    const saved = options.save === undefined ? null : outputFile('--save', options.save);
    const checkpoint = await openCheckpoint(experiment, options);
    if (!json) {
      const { resumed } = checkpoint ?? {};
      print(heading(experiment.settings) + (resumed ? `\nresumed after ${resumed.steps} steps` : ''));
      print(['', epochTable.header, ...(resumed?.epochs ?? []).map(epochTable.row)].join('\n'));
    }
    const result = await runTraining(experiment, {
      epochs,
      quiet,
      signal,
      checkpoint,
      measurements,
      onEpoch: (epoch) => {
        if (!json) print(epochTable.row(epoch));
      },
    });
    if (json) {
      const layers = measurements && { layers: measurements.layers };
      printJson({ command: 'train', ...experiment.settings, ...result, ...layers });
    } else {
      if (measurements) print(measurementReport(measurements).join('\n'));
      print(summary(result));
    }
    if (result.interrupted) return EXIT.interrupted;
    saved?.write(experiment.model.eval().save());
    return EXIT.done;
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
