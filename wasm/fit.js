import { checkInteger, describe } from './checks.js';
import { NormlabError } from './errors.js';
import { Figures } from './figures.js';

/**
 * @typedef {import('./trainer.js').TrainingRun} TrainingRun
 * @typedef {import('./trainer.js').RunStep} RunStep
 * @typedef {import('./trainer-state.js').Passes} Passes
 *
 * @typedef {object} Passing how a trainer begins its passes and forgets those that are over
 * @property {(options: Record<string, unknown>) => { run: TrainingRun, passes: Passes }} begin
 * @property {(passes: Passes) => void} end
 */

/** Steps of a fit between two turns of everybody else. */
const SLICE_MS = 15;

/**
 * `trainer.fit`.
 *
 * @param {string} call
 * @param {Record<string, any>} options
 * @param {import('./model.js').Model} model
 * @param {Passing} passing
 * @returns {Promise<import('./trainer.js').History>}
 */
export async function fit(call, options, model, { begin, end }) {
  const { epochs, signal, onStep, onEpoch, ...rest } = options;
  const wanted = checkInteger(call, 'epochs', epochs, 0);
  const callbacks = { onStep: callback(call, 'onStep', onStep), onEpoch: callback(call, 'onEpoch', onEpoch) };
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new NormlabError('argument', `${call}: signal: expected an AbortSignal, got ${describe(signal)}`);
  }
  signal?.throwIfAborted();
  const { run, passes } = begin({ ...rest, epochs: wanted });
  const figures = passes.figures ?? new Figures();
  passes.figures = figures;
  const { stepsPerEpoch } = run;
  try {
    while (run.step < wanted * stepsPerEpoch || figures.seen > 0) {
      if (run.step % stepsPerEpoch === 0 && figures.seen > 0) {
        const epoch = figures.endEpoch(run.epoch, stepsPerEpoch);
        await callbacks.onEpoch?.(epoch);
      } else {
        slice(call, run, figures, model, signal, callbacks.onStep);
        // An epoch that is over is told, whatever the signal.
        if (run.step % stepsPerEpoch === 0) continue;
      }
      await giveWay();
      signal?.throwIfAborted();
    }
    end(passes);
  } finally {
    run.dispose();
  }
  return figures.history;
}

/**
 * Steps for a while, none beyond the end of the epoch.
 *
 * @param {string} call
 * @param {TrainingRun} run
 * @param {Figures} figures
 * @param {import('./model.js').Model} model
 * @param {AbortSignal | undefined} signal
 * @param {((step: RunStep & { stepsPerEpoch: number }) => void) | undefined} onStep
 */
function slice(call, run, figures, model, signal, onStep) {
  const { stepsPerEpoch } = run;
  let began = performance.now();
  const until = began + SLICE_MS;
  run.each((step) => {
    const now = performance.now();
    figures.add(step, run.samplesOf(step.step), (now - began) / 1000);
    onStep?.({ ...step, stepsPerEpoch });
    if (!Number.isFinite(step.loss)) {
      const where = `step ${step.step} (epoch ${step.epoch})`;
      const what = `the loss is ${step.loss} at ${where}${model.nonfinite()}`;
      throw new NormlabError('diverged', `${call}: ${what}: try a smaller lr`);
    }
    began = onStep ? performance.now() : now;
    return now < until && step.step % stepsPerEpoch > 0 && !signal?.aborted;
  });
}

/**
 * @param {string} call
 * @param {string} name
 * @param {unknown} value
 * @returns {((figures: any) => unknown) | undefined}
 */
function callback(call, name, value) {
  if (value === undefined || typeof value === 'function') return /** @type {any} */ (value);
  throw new NormlabError('argument', `${call}: ${name}: expected a function, got ${describe(value)}`);
}

/** Lets timers, input and messages have their turn; a timeout of 0 would wait 4 ms in browsers. */
function giveWay() {
  if (typeof setImmediate === 'function') return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(null);
  });
}
