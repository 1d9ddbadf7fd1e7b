import { NormlabError } from '../errors.js';
import { extras } from '../extras.js';
import { instantiate } from '../load.js';
import { Model } from '../model.js';
import { Runtime } from '../runtime.js';
import { Trainer } from '../trainer.js';

/**
 * @typedef {import('../trainer.js').History} History
 * @typedef {import('../errors.js').ErrorCode} ErrorCode
 * @typedef {import('./settings.js').Job} Job
 * @typedef {import('./data.js').Splits} Splits
 *
 * @typedef {object} SweepRun
 * @property {string | null} norm null for a model that has its own normalizations
 * @property {number} batchSize images a step
 * @property {number} seed
 * @property {number} lr learning rate
 * @property {number | null} testError share of the test images that are labelled wrongly in eval mode, 0…1; null where the
 *   run failed
 * @property {number | null} testErrorTrainMode likewise with the statistics of batches of batchSize; null where these do not
 *   exist
 * @property {History} history as of `trainer.fit`; of a run that failed up to there
 * @property {number} seconds that it took, evaluation included
 * @property {number | null} imagesPerSecond trained on; null without a finished epoch
 * @property {{ code: ErrorCode, message: string }} [error] why it failed
 *
 * @typedef {object} RunCallbacks
 * @property {AbortSignal} [signal]
 * @property {(step: number) => void} [onStep] some times a second
 */

const PROGRESS_MS = 100;

/** Does runs one after the other on one engine of its own. */
export class Runner {
  #module;
  #data;
  /** @type {Runtime | null} */
  #runtime = null;

  /** @param {WebAssembly.Module} module @param {Splits} data */
  constructor(module, data) {
    this.#module = module;
    this.#data = data;
  }

  /**
   * @param {Job} job
   * @param {RunCallbacks} callbacks
   * @returns {Promise<SweepRun>}
   */
  async run(job, callbacks) {
    if (!this.#runtime) {
      this.#runtime = new Runtime(await instantiate(this.#module));
      Object.assign(this.#runtime.extras, extras);
    }
    const { signal, onStep } = callbacks;
    const run = await trainOne(this.#runtime, this.#data, job, { signal, onStep: onStep && seldom(onStep) });
    // An engine that trapped is lost; one that ran out of memory would keep what it has.
    if (run.error?.code === 'internal' || run.error?.code === 'memory') this.dispose();
    return run;
  }

  dispose() {
    this.#runtime?.dispose();
    this.#runtime = null;
  }
}

/**
 * @param {Runtime} runtime
 * @param {Splits} data
 * @param {Job} job
 * @param {RunCallbacks} callbacks
 * @returns {Promise<SweepRun>}
 */
async function trainOne(runtime, { train, test }, { run, spec, trainer: options, fit, evaluate }, { signal, onStep }) {
  /** @type {History} */
  const history = { epochs: [], loss: [], accuracy: [] };
  const began = performance.now();
  /** @param {{ testError: number | null, testErrorTrainMode: number | null, error?: SweepRun['error'] }} figures */
  const result = ({ error, ...figures }) => {
    const seconds = (performance.now() - began) / 1000;
    return { ...run, ...figures, history, seconds, imagesPerSecond: rate(history), ...(error && { error }) };
  };
  /** @type {Model | undefined} */
  let model;
  /** @type {Trainer | undefined} */
  let trainer;
  try {
    model = new Model(runtime, spec);
    trainer = new Trainer(runtime, model, options);
    await trainer.fit(train, {
      .../** @type {import('../trainer.js').RunOptions & { epochs: number }} */ (fit),
      signal,
      onStep({ step, loss, accuracy }) {
        history.loss.push(loss);
        history.accuracy.push(accuracy);
        onStep?.(step);
      },
      onEpoch: (epoch) => history.epochs.push(epoch),
    });
    return result(testErrors(model, test, { ...evaluate, batchSize: fit.batchSize }));
  } catch (error) {
    if (signal?.aborted || !(error instanceof NormlabError)) throw error;
    const { code, message } = error;
    return result({ testError: null, testErrorTrainMode: null, error: { code, message } });
  } finally {
    trainer?.dispose();
    model?.dispose();
  }
}

/**
 * @param {Model} model
 * @param {Splits['test']} test
 * @param {{ sortByClass: boolean, batchSize: number }} options of the evaluation in train mode
 */
function testErrors(model, test, options) {
  // Of counts: 1 - accuracy would round.
  const errorOf = (/** @type {{ accuracy: number }} */ { accuracy }) =>
    (test.length - Math.round(accuracy * test.length)) / test.length;
  const testError = errorOf(model.evaluate(test));
  try {
    return { testError, testErrorTrainMode: errorOf(model.evaluate(test, { mode: 'train', ...options })) };
  } catch (error) {
    if (!(error instanceof NormlabError && error.code === 'shape')) throw error;
    return { testError, testErrorTrainMode: null };
  }
}

/** @param {(step: number) => void} report */
function seldom(report) {
  let reported = performance.now();
  return (/** @type {number} */ step) => {
    if (performance.now() - reported < PROGRESS_MS) return;
    reported = performance.now();
    report(step);
  };
}

/** @param {History} history */
function rate({ epochs }) {
  const seconds = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const images = epochs.reduce((sum, epoch) => sum + epoch.seconds * epoch.imagesPerSecond, 0);
  return seconds > 0 ? images / seconds : null;
}
