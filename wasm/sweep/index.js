import { loadDataset } from '../data/load.js';
import { NormlabError } from '../errors.js';
import { checkSplitData, shareData, tryAugment } from './data.js';
import { longestFirst, planRuns } from './plan.js';
import { drain, localLane, workerLane } from './pool.js';
import { checkSweep } from './settings.js';
import { cores, hasThreads } from './threads.js';

/**
 * @typedef {import('../runtime.js').Runtime} Runtime
 * @typedef {import('./run.js').SweepRun} SweepRun
 * @typedef {import('./settings.js').Job} Job
 *
 * @typedef {object} Sweep
 * @property {SweepRun[]} runs norms outermost, seeds innermost, whatever the order in which they finished
 * @property {number} workers threads that were used; 0: the caller's own
 * @property {number} seconds
 */

const CALL = 'nl.sweep';

/**
 * @param {Runtime} runtime of the caller
 * @param {WebAssembly.Module} module the same that the caller's engine runs on
 * @param {unknown} options
 * @returns {Promise<Sweep>}
 */
export async function sweep(runtime, module, options) {
  runtime.assertAlive();
  const settings = checkSweep(CALL, runtime, options);
  const { signal, onRun } = settings;
  signal?.throwIfAborted();
  const began = performance.now();
  const data = checkSplitData(CALL, settings.data ?? (await loadDataset('fashion-mnist')), settings.limit);
  signal?.throwIfAborted();
  tryAugment(CALL, runtime, data.train, settings.augment);
  const jobs = planRuns(settings.axes)
    .filter((run) => settings.only({ ...run }))
    .map((run) => settings.job(run, data.train));
  const workers = threadsFor(jobs.length, settings.workers);
  const shared = workers > 0 ? shareData(data) : data;
  const lanes =
    workers === 0
      ? [localLane(module, data, signal)]
      : Array.from({ length: workers }, () => workerLane(module, shared));
  /** @type {Map<Job, SweepRun>} */
  const runs = new Map();
  const progress = progressOf(jobs, data.train.length, settings.onProgress);
  await drain(
    [...jobs].sort((a, b) => longestFirst(a.run, b.run)),
    lanes,
    {
      signal,
      onStep: progress.step,
      async onRun(job, run) {
        runs.set(job, run);
        progress.finish(job);
        await onRun?.(run);
        runtime.assertAlive();
      },
    },
  );
  return {
    runs: jobs.map((job) => /** @type {SweepRun} */ (runs.get(job))),
    workers,
    seconds: (performance.now() - began) / 1000,
  };
}

/** @param {number} runs @param {number | null} wanted */
function threadsFor(runs, wanted) {
  if (!hasThreads()) {
    if (!wanted) return 0;
    throw new NormlabError('unsupported', `${CALL}: workers: this host has none; 0 sweeps in the calling thread`);
  }
  return Math.min(wanted ?? cores(), runs);
}

/**
 * @param {Job[]} jobs
 * @param {number} images
 * @param {((progress: import('./settings.js').SweepProgress) => void) | undefined} report
 */
function progressOf(jobs, images, report) {
  const stepsOf = (/** @type {Job} */ { fit: { epochs, batchSize, dropLast } }) =>
    epochs * Math[dropLast ? 'floor' : 'ceil'](images / batchSize);
  const totalSteps = jobs.reduce((sum, job) => sum + stepsOf(job), 0);
  /** @type {Map<Job, number>} */
  const done = new Map();
  let finished = 0;
  let steps = 0;
  const set = (/** @type {Job} */ job, /** @type {number} */ now) => {
    steps += now - (done.get(job) ?? 0);
    done.set(job, now);
    report?.({ finished, total: jobs.length, steps, totalSteps });
  };
  return {
    step: set,
    finish(/** @type {Job} */ job) {
      finished++;
      set(job, stepsOf(job));
    },
  };
}
