import { basename } from 'node:path';
import cliProgress from 'cli-progress';

/**
 * Progress of work in steps, on stderr.
 *
 * @template State
 * @typedef {object} Progress
 * @property {(step: number, state: State) => void} update
 * @property {() => void} pause takes the bar off the screen, for lines to be printed; the next update brings it back
 */

/**
 * A bar where stderr is a terminal; nothing elsewhere, where it would only fill a log.
 *
 * @param {{ quiet?: boolean, steps: number, format: string }} options
 * @returns {Progress<Record<string, unknown>> & { readonly shown: boolean }}
 */
function openBar({ quiet, steps, format }) {
  if (quiet || !process.stderr.isTTY || steps === 0) return { shown: false, update() {}, pause() {} };
  const bar = new cliProgress.SingleBar(
    { format, stream: process.stderr, clearOnComplete: true, hideCursor: true, etaBuffer: 50 },
    cliProgress.Presets.shades_classic,
  );
  let shown = false;
  return {
    get shown() {
      return shown;
    },
    update(step, payload) {
      if (shown) bar.update(step, payload);
      else bar.start(steps, step, payload);
      shown = true;
    },
    pause() {
      if (shown) bar.stop();
      shown = false;
    },
  };
}

/**
 * Progress of data that are read, unpacked and so on. A file too small to wait for shows nothing.
 *
 * @param {{ quiet?: boolean }} options
 */
export function loadProgress({ quiet }) {
  /** @type {ReturnType<typeof openBar> | null} */
  let bar = null;
  let what = '';
  return {
    /** @param {{ loaded: number, total: number | null, phase?: string, file?: string }} progress */
    update({ loaded, total, phase = 'load', file = '' }) {
      if (total === null || total < LARGE) return;
      const now = `${phase} ${file}`;
      if (now !== what) bar?.pause();
      if (now !== what || !bar)
        bar = openBar({ quiet, steps: total, format: `${PHASES[phase]} {file}[{bar}] {percentage}%` });
      what = now;
      bar.update(loaded, { file: file && `${basename(file)} ` });
    },
    pause: () => bar?.pause(),
  };
}

/** Bytes that are read and unpacked in no time. */
const LARGE = 2 ** 20;

/** @type {Record<string, string>} */
const PHASES = { load: 'loading', read: 'reading', unpack: 'unpacking', standardize: 'standardizing' };

/**
 * Progress of the training steps, with rate and time left.
 *
 * @param {{ quiet?: boolean, steps: number, epochs: number, batchSize: number }} run
 * @returns {Progress<{ epoch: number, loss: number }>}
 */
export function trainingProgress({ quiet, steps, epochs, batchSize }) {
  const format = `epoch {epoch}/${epochs} [{bar}] {percentage}% · loss {loss} · {rate} images/s · {eta_formatted} left`;
  const bar = openBar({ quiet, steps, format });
  let startStep = 0;
  let startTime = 0;
  return {
    update(step, { epoch, loss }) {
      if (!bar.shown) [startStep, startTime] = [step, performance.now()];
      const seconds = (performance.now() - startTime) / 1000;
      const rate = step > startStep && seconds > 0 ? Math.round(((step - startStep) * batchSize) / seconds) : '–';
      bar.update(step, { epoch, loss: loss.toFixed(4), rate: rate.toLocaleString('en') });
    },
    pause: () => bar.pause(),
  };
}

/**
 * Progress of a gradient check, with the parameter that it is at and the time left.
 *
 * @param {{ quiet?: boolean, steps: number }} run
 * @returns {Progress<{ key: string }>}
 */
export function checkProgress({ quiet, steps }) {
  const bar = openBar({ quiet, steps, format: 'checking {key} [{bar}] {percentage}% · {eta_formatted} left' });
  return { update: (step, state) => bar.update(step, state), pause: () => bar.pause() };
}

/**
 * Progress of a sweep, with the runs that are finished and the time left.
 *
 * @param {{ quiet?: boolean, steps: number, runs: number }} sweep
 * @returns {Progress<{ finished: number }>}
 */
export function sweepProgress({ quiet, steps, runs }) {
  const bar = openBar({ quiet, steps, format: `run {finished}/${runs} [{bar}] {percentage}% · {eta_formatted} left` });
  return { update: (step, state) => bar.update(step, state), pause: () => bar.pause() };
}
