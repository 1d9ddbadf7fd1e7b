import { setImmediate } from 'node:timers/promises';
import { NormlabError } from '../errors.js';
import { trainingProgress } from './progress.js';

/** @typedef {import('./experiment.js').Experiment} Experiment */

/**
 * @typedef {object} EpochResult
 * @property {number} epoch from 1
 * @property {number} loss mean over the epoch's images
 * @property {number} accuracy on the training images, as they were seen, 0…1
 * @property {number} testAccuracy in eval mode, 0…1
 * @property {number | null} testAccuracyTrainMode with the statistics of batches; null where these do not exist
 * @property {number} seconds of training, without the evaluation
 * @property {number} imagesPerSecond
 */

/**
 * What a run has come to: what a checkpoint of it holds.
 *
 * @typedef {object} Progress
 * @property {EpochResult[]} epochs those that are finished
 * @property {string[]} notes what is not as one would expect
 * @property {number} steps
 *
 * @typedef {object} TrainingResult
 * @property {EpochResult[]} epochs those that are finished
 * @property {number | null} testAccuracy after the last of them; of the initial weights for no epochs
 * @property {number | null} testAccuracyTrainMode
 * @property {number | null} imagesPerSecond over all epochs
 * @property {number} steps
 * @property {boolean} interrupted
 * @property {string[]} notes what is not as one would expect
 */

/**
 * Trains, and measures the test accuracy in both modes after each epoch.
 *
 * @param {Experiment} experiment
 * @param {{ epochs: number, quiet?: boolean, signal: AbortSignal, onEpoch?: (result: EpochResult) => void,
 *   checkpoint?: import('./checkpoint.js').Checkpoint | null,
 *   measurements?: import('./measurements.js').Measurements | null }} options
 * @returns {Promise<TrainingResult>}
 */
export async function runTraining({ model, trainer, data, sampling, settings }, options) {
  const { epochs, quiet, signal, onEpoch, checkpoint, measurements } = options;
  const { batchSize, dropLast, seed } = settings;
  const { sortByClass, sortTestByClass, augment } = sampling;
  const stepsPerEpoch = Math[dropLast ? 'floor' : 'ceil'](data.train.length / batchSize);
  const progress = trainingProgress({ quiet, steps: epochs * stepsPerEpoch, epochs, batchSize });
  /** @type {Set<string>} */
  const notes = new Set(checkpoint?.resumed?.notes);
  const finished = [...(checkpoint?.resumed?.epochs ?? [])];
  let steps = checkpoint?.resumed?.steps ?? 0;
  const keep = () => checkpoint?.write({ epochs: finished, notes: [...notes], steps });

  const evaluate = () => {
    const testAccuracy = model.evaluate(data.test, { mode: 'eval' }).accuracy;
    try {
      const inTrainMode = model.evaluate(data.test, { mode: 'train', batchSize, sortByClass: sortTestByClass });
      return { testAccuracy, testAccuracyTrainMode: inTrainMode.accuracy };
    } catch (error) {
      if (!(error instanceof NormlabError && error.code === 'shape')) throw error;
      notes.add(`no accuracy in train mode: ${error.message}`);
      return { testAccuracy, testAccuracyTrainMode: null };
    }
  };

  try {
    if (epochs > 0) {
      await trainer.fit(data.train, {
        epochs,
        batchSize,
        dropLast,
        sortByClass,
        augment,
        seed,
        signal,
        ...measurements?.options,
        onStep: ({ step, epoch, loss, layers }) => {
          steps = step;
          if (layers) measurements?.add(step, layers);
          progress.update(step, { epoch, loss });
          // One that has diverged is nothing to go on with.
          if (checkpoint && step % checkpoint.every === 0 && Number.isFinite(loss)) keep();
        },
        onEpoch: async ({ epoch, loss, accuracy, seconds, imagesPerSecond }) => {
          const result = { epoch, loss, accuracy, ...evaluate(), seconds, imagesPerSecond };
          finished.push(result);
          keep();
          progress.pause();
          onEpoch?.(result);
          // The evaluation has held everything up: let Ctrl-C in.
          await setImmediate();
        },
      });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    keep();
  } finally {
    progress.pause();
  }

  const none = { testAccuracy: null, testAccuracyTrainMode: null };
  const { testAccuracy, testAccuracyTrainMode } = finished.at(-1) ?? (epochs === 0 ? evaluate() : none);
  const seconds = finished.reduce((sum, result) => sum + result.seconds, 0);
  const images = finished.reduce((sum, result) => sum + result.seconds * result.imagesPerSecond, 0);
  return {
    epochs: finished,
    testAccuracy,
    testAccuracyTrainMode,
    imagesPerSecond: seconds > 0 ? images / seconds : null,
    steps,
    interrupted: signal.aborted,
    notes: [...notes],
  };
}
