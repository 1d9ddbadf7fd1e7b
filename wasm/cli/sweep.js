import { createEngine } from '../index.js';
import { planRuns, runKey, shareOf } from '../sweep/plan.js';
import { loadData } from './data.js';
import { EXIT, UsageError } from './failure.js';
import { onInterrupt } from './interrupt.js';
import { sweepOptions } from './options.js';
import { sweepProgress } from './progress.js';
import { allowRelaxedSimd } from './relaxed.js';
import { print, printJson } from './report.js';
import { blameAugment } from './sampling.js';
import { openRunFile } from './sweep-file.js';
import { merge } from './sweep-merge.js';
import { errorTable, failures, inOrder, meansOf, reported, sweepHeading } from './sweep-report.js';
import { chooseSweep } from './sweep-settings.js';

/**
 * @typedef {import('./options.js').SweepOptions} SweepOptions
 * @typedef {import('./sweep-report.js').ReportedRun} ReportedRun
 * @typedef {Awaited<ReturnType<typeof prepare>>} Prepared
 */

/**
 * `normlab sweep`
 *
 * @param {SweepOptions} options
 * @param {(name: keyof SweepOptions) => boolean} given whether an option was typed
 * @returns {Promise<number>} the exit status
 */
export async function sweep(options, given) {
  if (options.merge) {
    refuseBesideMerge(given);
    return merge(options.merge, options);
  }
  const { signal, dispose } = onInterrupt();
  const prepared = await prepare(options, given);
  try {
    const { settings, axes, plan, engine } = prepared;
    if (!options.json) print(`${sweepHeading(settings, axes)}\n`);
    const began = performance.now();
    const { runs: found, workers } = await run(prepared, options, signal);
    const runs = inOrder(found, plan);
    const interrupted = signal.aborted;
    const seconds = (performance.now() - began) / 1000;
    const notes = failures(runs);
    if (options.json) {
      const { shard } = options;
      const document = { command: 'sweep', ...settings, ...axes, shard: shard ?? null, workers, runs };
      printJson({ ...document, means: meansOf(runs, axes), seconds, interrupted, notes });
    } else {
      const done = `${runs.length} of ${plan.length} runs`;
      print(errorTable(runs, axes));
      print(interrupted ? `\ninterrupted: ${done} finished` : `\n${done} in ${seconds.toFixed(1)} s`);
      for (const note of notes) print(`note: ${note}`);
    }
    engine.dispose();
    if (interrupted) return EXIT.interrupted;
    return plan.length === 0 || runs.some(({ error }) => !error) ? EXIT.done : EXIT.failed;
  } finally {
    dispose();
  }
}

/** @param {(name: keyof SweepOptions) => boolean} given */
function refuseBesideMerge(given) {
  for (const { flags } of sweepOptions) {
    const option = flags.split(' ')[0];
    const name = option.slice(2).replace(/-(.)/g, (_, letter) => letter.toUpperCase());
    if (['merge', 'json', 'quiet'].includes(name)) continue;
    if (given(/** @type {keyof SweepOptions} */ (name))) {
      throw new UsageError(`${option}: --merge trains nothing: the files say what their runs are`);
    }
  }
}

/**
 * Makes all that a sweep needs, checking every option before any work is done.
 *
 * @param {SweepOptions} options
 * @param {(name: keyof SweepOptions) => boolean} given
 */
async function prepare(options, given) {
  const choice = await chooseSweep(options, given);
  await allowRelaxedSimd();
  const engine = await createEngine({ variant: options.variant });
  const { note, ...data } = await loadData(engine, options);
  await blameAugment(options, () => engine.sweep({ ...choice.sweep, data, workers: 0, only: () => false }));
  const settings = choice.settings({ ...data, note }, engine);
  const all = planRuns(choice.axes);
  return {
    engine,
    data,
    settings,
    axes: choice.axes,
    sweep: choice.sweep,
    plan: options.shard ? shareOf(all, options.shard) : all,
    file: options.out === undefined ? null : openRunFile(options.out, settings),
  };
}

/**
 * @param {Prepared} prepared
 * @param {SweepOptions} options
 * @param {AbortSignal} signal
 * @returns {Promise<{ runs: ReportedRun[], workers: number | null }>} those of the file too; workers: null where it was
 *   interrupted
 */
async function run({ engine, data, axes, plan, sweep: settings, file }, { workers, quiet }, signal) {
  const runs = [...(file?.finished ?? [])];
  const known = new Set(runs.map(runKey));
  const wanted = new Set(plan.map(runKey).filter((key) => !known.has(key)));
  /** @type {ReturnType<typeof sweepProgress> | null} */
  let progress = null;
  try {
    const done = await engine.sweep({
      ...settings,
      data,
      workers,
      signal,
      only: (one) => wanted.has(runKey(one)),
      onRun(finished) {
        const one = reported(finished);
        file?.append(axes, one);
        runs.push(one);
      },
      onProgress({ finished, total, steps, totalSteps }) {
        progress ??= sweepProgress({ quiet, steps: totalSteps, runs: total });
        progress.update(steps, { finished });
      },
    });
    return { runs, workers: done.workers };
  } catch (error) {
    if (!signal.aborted) throw error;
    return { runs, workers: null };
  } finally {
    /** @type {ReturnType<typeof sweepProgress> | null} */ (progress)?.pause();
  }
}
