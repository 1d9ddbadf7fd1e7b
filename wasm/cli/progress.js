import cliProgress from 'cli-progress';

/**
 * Progress of the training steps on stderr.
 *
 * @typedef {object} Progress
 * @property {(step: number, state: { epoch: number, loss: number }) => void} update
 * @property {() => void} pause takes the bar off the screen, for lines to be printed; the next update brings it back
 */

/** @type {Progress} */
const SILENT = { update() {}, pause() {} };

/**
 * A bar with rate and time left where stderr is a terminal; nothing elsewhere, where it would only fill a log.
 *
 * @param {{ quiet?: boolean, steps: number, epochs: number, batchSize: number }} run
 * @returns {Progress}
 */
export function startProgress({ quiet, steps, epochs, batchSize }) {
  if (quiet || !process.stderr.isTTY || steps === 0) return SILENT;
  const bar = new cliProgress.SingleBar(
    {
      format: `epoch {epoch}/${epochs} [{bar}] {percentage}% · loss {loss} · {rate} images/s · {eta_formatted} left`,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      etaBuffer: 50,
    },
    cliProgress.Presets.shades_classic,
  );
  let shown = false;
  let startStep = 0;
  let startTime = 0;
  return {
    update(step, { epoch, loss }) {
      const seconds = (performance.now() - startTime) / 1000;
      const rate = shown && seconds > 0 ? Math.round(((step - startStep) * batchSize) / seconds) : '–';
      const payload = { epoch, loss: loss.toFixed(4), rate: rate.toLocaleString('en') };
      if (shown) {
        bar.update(step, payload);
      } else {
        bar.start(steps, step, payload);
        [shown, startStep, startTime] = [true, step, performance.now()];
      }
    },
    pause() {
      if (shown) bar.stop();
      shown = false;
    },
  };
}
