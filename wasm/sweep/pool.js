import { Runner } from './run.js';
import { startThread } from './threads.js';

/**
 * @typedef {import('./run.js').SweepRun} SweepRun
 * @typedef {import('./settings.js').Job} Job
 * @typedef {import('./data.js').Splits} Splits
 *
 * @typedef {object} Lane what does one run at a time
 * @property {(job: Job, onStep: (step: number) => void) => Promise<SweepRun>} run
 * @property {() => Promise<void>} close ends it, amid a run too
 */

/**
 * A lane in this thread.
 *
 * @param {WebAssembly.Module} module
 * @param {Splits} data
 * @param {AbortSignal} [signal]
 * @returns {Lane}
 */
export function localLane(module, data, signal) {
  const runner = new Runner(module, data);
  /** @type {Promise<unknown>} */
  let current = Promise.resolve();
  return {
    run(job, onStep) {
      const run = runner.run(job, { signal, onStep });
      current = run.catch(() => {});
      return run;
    },
    async close() {
      await current;
      runner.dispose();
    },
  };
}

/**
 * A lane in a thread of its own.
 *
 * @param {WebAssembly.Module} module
 * @param {Splits} data
 * @returns {Lane}
 */
export function workerLane(module, data) {
  /** @type {{ resolve: (run: SweepRun) => void, reject: (error: unknown) => void, onStep: (step: number) => void } | null} */
  let waiting = null;
  /** @type {Error | null} */
  let failure = null;
  const thread = startThread(
    ({ step, run, failure: error }) => {
      if (run) waiting?.resolve(run);
      else if (error) waiting?.reject(error);
      else waiting?.onStep(step);
    },
    (error) => {
      failure ??= error;
      waiting?.reject(error);
    },
  );
  thread.post({ module, data });
  return {
    run: (job, onStep) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject, onStep };
        if (failure) reject(failure);
        else thread.post({ job });
      }),
    close: () => {
      waiting = null;
      return thread.end();
    },
  };
}

/**
 * Does all jobs, each lane taking the next one when it is free.
 *
 * @param {Job[]} jobs
 * @param {Lane[]} lanes closed at the end, whatever happens
 * @param {object} callbacks
 * @param {AbortSignal} [callbacks.signal]
 * @param {(job: Job, run: SweepRun) => unknown} callbacks.onRun awaited
 * @param {(job: Job, step: number) => void} callbacks.onStep
 */
export async function drain(jobs, lanes, { signal, onRun, onStep }) {
  const queue = [...jobs];
  let stopped = false;
  /** @param {Lane} lane */
  const work = async (lane) => {
    for (let job = queue.shift(); job && !stopped; job = queue.shift()) {
      const own = job;
      const run = await lane.run(own, (step) => !stopped && onStep(own, step));
      if (stopped) return;
      await onRun(own, run);
    }
  };
  const { aborted, dispose } = abortion(signal);
  try {
    await Promise.race([aborted, Promise.all(lanes.map(work))]);
    signal?.throwIfAborted();
  } finally {
    stopped = true;
    dispose();
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

/** @param {AbortSignal} [signal] @returns {{ aborted: Promise<never>, dispose: () => void }} rejects with its reason */
function abortion(signal) {
  let dispose = () => {};
  const aborted = new Promise((_, reject) => {
    const abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    dispose = () => signal?.removeEventListener('abort', abort);
  });
  return { aborted: /** @type {Promise<never>} */ (aborted), dispose };
}
