import { existsSync, readFileSync } from 'node:fs';
import { firstDifference } from '../checkpoint.js';
import { reason } from '../data/node-fs.js';
import { NormlabError } from '../errors.js';
import { readSafetensors, writeSafetensors } from '../safetensors.js';
import { digestOf } from './digest.js';
import { blame, UsageError } from './failure.js';
import { outputFile } from './output-file.js';

/**
 * @typedef {import('./experiment.js').Experiment} Experiment
 * @typedef {import('./training.js').Progress} Progress
 *
 * @typedef {object} Checkpoint
 * @property {Progress | null} resumed what a run before has come to; null where this one begins
 * @property {number} every steps between two; 0: at the end of each epoch alone
 * @property {(progress: Progress) => void} write
 */

/** What `normlab train` puts into the metadata of a trainer's state: what the run is of, and what it has come to. */
const RUN = 'run';

/**
 * The file in which a run is kept, and with --resume gone on with.
 *
 * @param {Experiment} experiment whose trainer then is where that run was
 * @param {import('./options.js').TrainOptions} options
 * @returns {Promise<Checkpoint | null>} null where none is wanted
 * @throws {UsageError}
 */
export async function openCheckpoint({ trainer, settings, data }, { checkpoint, checkpointEvery = 0, resume }) {
  if (checkpoint === undefined) {
    const option = resume ? '--resume' : '--checkpoint-every';
    if (resume || checkpointEvery > 0)
      throw new UsageError(`${option}: there is no --checkpoint FILE that it is about`);
    return null;
  }
  const file = outputFile('--checkpoint', checkpoint);
  const own = { ...comparable(settings), 'data.digest': digestOf(data.train) };
  const source = `--resume: --checkpoint ${checkpoint}`;
  return {
    every: checkpointEvery,
    resumed:
      resume && existsSync(checkpoint) ? await blame(source, () => load(source, checkpoint, trainer, own)) : null,
    write(progress) {
      const { tensors, metadata } = readSafetensors('trainer.state', trainer.state());
      const run = JSON.stringify({ settings: own, progress });
      file.write(writeSafetensors(tensors, { ...Object.fromEntries(metadata), [RUN]: run }));
    },
  };
}

/**
 * What a run must agree in with the one that it goes on with. Paths are a machine's own; the module is what is the fastest
 * there, and another one computes the same but for rounding.
 *
 * @param {import('./experiment.js').Settings} settings
 */
function comparable({ model: _, variant: __, data: { train, test }, ...rest }) {
  return { ...rest, 'data.train': train, 'data.test': test };
}

/**
 * @param {string} source for messages
 * @param {string} path
 * @param {import('../index.js').Trainer} trainer
 * @param {object} own
 * @returns {Progress}
 */
function load(source, path, trainer, own) {
  const bytes = read(source, path);
  const text = readSafetensors('checkpoint', bytes).metadata.get(RUN);
  const run = text === undefined ? null : parse(text);
  if (!run) throw new NormlabError('format', 'checkpoint: it was not written by normlab train --checkpoint');
  const found = firstDifference('', run.settings, JSON.parse(JSON.stringify(own)));
  if (found) {
    const [one, other] = [found.one, found.other].map((value) =>
      value === undefined ? 'none' : JSON.stringify(value),
    );
    throw new UsageError(`${source}: it is of another run: ${found.path.slice(1)} ${one} and not ${other}`);
  }
  trainer.loadState(bytes);
  return run.progress;
}

/** @param {string} source @param {string} path */
function read(source, path) {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${source}: cannot read it: ${reason(error)}`, { cause: error });
  }
}

/** @param {string} text @returns {{ settings: object, progress: Progress } | null} null where it is none */
function parse(text) {
  try {
    const run = JSON.parse(text);
    const { epochs, notes, steps } = run.progress;
    const whole = [epochs, notes].every(Array.isArray) && Number.isInteger(steps) && typeof run.settings === 'object';
    return whole ? run : null;
  } catch {
    return null;
  }
}
