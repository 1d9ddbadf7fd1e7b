import { NormlabError } from './errors.js';
import { floatsFrom, storeFloats } from './stored.js';

/**
 * @typedef {import('./trainer.js').History} History
 * @typedef {import('./trainer.js').EpochFigures} EpochFigures
 * @typedef {import('./trainer.js').RunStep} RunStep
 * @typedef {import('./safetensors.js').Stored} Stored
 */

const PREFIX = 'figures.';

/**
 * Columns of what is stored of an epoch.
 *
 * @type {(keyof EpochFigures)[]}
 */
const EPOCH = ['epoch', 'steps', 'loss', 'accuracy', 'seconds', 'imagesPerSecond'];

const none = () => ({ loss: 0, accuracy: 0, samples: 0, seconds: 0 });

/** The figures of a fit under way: its history, and the sums of the epoch that it is in. */
export class Figures {
  /** @type {History} */
  history = { epochs: [], loss: [], accuracy: [] };
  #sums = none();

  /** Samples of the epoch so far. */
  get seen() {
    return this.#sums.samples;
  }

  /** @param {RunStep} step @param {number} samples in it @param {number} seconds that it took */
  add({ loss, accuracy }, samples, seconds) {
    this.#sums.loss += loss * samples;
    this.#sums.accuracy += accuracy * samples;
    this.#sums.samples += samples;
    this.#sums.seconds += seconds;
    this.history.loss.push(loss);
    this.history.accuracy.push(accuracy);
  }

  /** @param {number} epoch that has ended, from 1 @param {number} steps in it @returns {EpochFigures} */
  endEpoch(epoch, steps) {
    const { loss, accuracy, samples, seconds } = this.#sums;
    const rates = { loss: loss / samples, accuracy: accuracy / samples, imagesPerSecond: samples / seconds };
    const figures = { epoch, steps, seconds, ...rates };
    this.history.epochs.push(figures);
    this.#sums = none();
    return figures;
  }

  /** @returns {[string, Stored][]} */
  store() {
    const { epochs, loss, accuracy } = this.history;
    const rows = epochs.map((figures) => EPOCH.map((name) => figures[name]));
    const table = (/** @type {string} */ name, /** @type {number[][]} */ list, /** @type {number} */ width) =>
      /** @type {[string, Stored]} */ ([
        `${PREFIX}${name}`,
        storeFloats(Float64Array.from(list.flat()), [list.length, width]),
      ]);
    return [
      table(
        'steps',
        loss.map((value, i) => [value, accuracy[i]]),
        2,
      ),
      table('epochs', rows, EPOCH.length),
      table('epoch', [Object.values(this.#sums)], 4),
    ];
  }

  /**
   * @param {string} call
   * @param {Map<string, Stored>} tensors from which its own are taken out
   * @returns {Figures | null} null where there are none
   */
  static take(call, tensors) {
    const figures = new Figures();
    const table = (/** @type {string} */ name, /** @type {number} */ width) => {
      const key = `${PREFIX}${name}`;
      const stored = /** @type {Stored} */ (tensors.get(key));
      tensors.delete(key);
      const { dtype, shape } = stored ?? { dtype: 'no', shape: 'tensor' };
      if (dtype !== 'F64' || shape.length !== 2 || shape[1] !== width) {
        const expected = `F64 [any number, ${width}]`;
        throw new NormlabError('format', `${call}: tensor '${key}': expected ${expected}, got ${dtype} [${shape}]`);
      }
      const values = floatsFrom(call, key, stored, Float64Array);
      return Array.from({ length: shape[0] }, (_, i) => Array.from(values.subarray(i * width, (i + 1) * width)));
    };
    if (![...tensors.keys()].some((key) => key.startsWith(PREFIX))) return null;
    const steps = table('steps', 2);
    figures.history.loss = steps.map(([loss]) => loss);
    figures.history.accuracy = steps.map(([, accuracy]) => accuracy);
    figures.history.epochs = table('epochs', EPOCH.length).map(
      (row) => /** @type {EpochFigures} */ (Object.fromEntries(EPOCH.map((name, i) => [name, row[i]]))),
    );
    const [[loss, accuracy, samples, seconds] = []] = table('epoch', 4);
    if (!(samples >= 0))
      throw new NormlabError('format', `${call}: tensor '${PREFIX}epoch': expected one row, got none`);
    figures.#sums = { loss, accuracy, samples, seconds };
    return figures;
  }
}
