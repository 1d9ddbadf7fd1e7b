import { runKey } from '../sweep/plan.js';
import { optimizerTitle } from './optimizer.js';
import { dataTitle, modelTitle, percent, table } from './report.js';

/**
 * @typedef {import('./sweep-settings.js').SweepSettings} SweepSettings
 * @typedef {import('../sweep/plan.js').Axes} Axes
 * @typedef {import('../sweep/plan.js').PlannedRun} PlannedRun
 *
 * A run as it is reported: its history by epochs, without the single steps.
 *
 * @typedef {Omit<import('../index.js').SweepRun, 'history'> & {
 *   history: Pick<import('../index.js').History, 'epochs'> }} ReportedRun
 *
 * @typedef {object} Mean over the seeds whose runs succeeded
 * @property {string | null} norm
 * @property {number} batchSize
 * @property {number | null} testError
 * @property {number | null} testErrorTrainMode
 * @property {number} runs
 * @property {number} failed
 */

/** @param {import('../index.js').SweepRun} run @returns {ReportedRun} */
export const reported = ({ history: { epochs }, ...run }) => ({ ...run, history: { epochs } });

/**
 * @param {ReportedRun[]} runs
 * @param {Axes} axes
 * @returns {Mean[]} norms outermost
 */
export function meansOf(runs, { norms, batchSizes }) {
  return norms.flatMap((norm) =>
    batchSizes.flatMap((batchSize) => {
      const here = runs.filter((run) => run.norm === norm && run.batchSize === batchSize);
      const good = here.filter(({ error }) => !error);
      if (here.length === 0) return [];
      const figures = {
        testError: mean(good.map(({ testError }) => testError)),
        testErrorTrainMode: mean(good.map(({ testErrorTrainMode }) => testErrorTrainMode)),
      };
      return [{ norm, batchSize, ...figures, runs: good.length, failed: here.length - good.length }];
    }),
  );
}

/** @param {(number | null)[]} values */
function mean(values) {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

/**
 * @param {SweepSettings} settings
 * @param {Axes} axes
 * @returns {string} what is about to be trained, in two lines
 */
export function sweepHeading({ data, variant, epochs, scaleLr, preset, model, ...rest }, { seeds }) {
  const { weightStandardization } = rest;
  const title = modelTitle({
    preset,
    model,
    norm: null,
    groups: null,
    placement: null,
    weightStandardization,
    seed: 0,
  });
  const rate = scaleLr
    ? `${optimizerTitle(rest)} (the rate for batches of 32, times batch size / 32)`
    : optimizerTitle(rest);
  return (
    `${title}; ${epochs} epochs, ${rate}, seed ${seeds.join(', ')}\n` +
    `${dataTitle(data, rest)}; ${variant} module` +
    (data.note ? `\nnote: ${data.note}` : '')
  );
}

const NORMS = {
  batch: 'BatchNorm',
  renorm: 'BatchRenorm',
  layer: 'LayerNorm',
  group: 'GroupNorm',
  instance: 'InstanceNorm',
  rms: 'RMSNorm',
  none: 'no normalization',
};

/** Norms whose output depends on the mode. */
const MODAL = ['batch', 'renorm', null];

/**
 * Mean test error, a row each norm and a column each batch size.
 *
 * @param {ReportedRun[]} runs
 * @param {Axes} axes
 * @returns {string}
 */
export function errorTable(runs, axes) {
  const means = meansOf(runs, axes);
  const lines = table(
    /** @type {import('./report.js').Column<{ title: string, cell: (batchSize: number) => string }>[]} */ ([
      { title: 'test error at batch size', width: 24, left: true, cell: ({ title }) => title },
      ...axes.batchSizes.map((batchSize) => ({
        title: String(batchSize),
        width: 8,
        cell: (/** @type {{ cell: (batchSize: number) => string }} */ { cell }) => cell(batchSize),
      })),
    ]),
  );
  const rows = axes.norms.flatMap((norm) => {
    const title = norm ? NORMS[/** @type {keyof typeof NORMS} */ (norm)] : "the model's own norms";
    const at = (/** @type {number} */ batchSize) =>
      means.find((one) => one.norm === norm && one.batchSize === batchSize);
    return [
      { title, cell: (/** @type {number} */ size) => percent(at(size)?.testError ?? null) },
      ...(MODAL.includes(norm)
        ? [
            {
              title: '  in train mode',
              cell: (/** @type {number} */ size) => percent(at(size)?.testErrorTrainMode ?? null),
            },
          ]
        : []),
    ];
  });
  return [lines.header, ...rows.map(lines.row)].join('\n');
}

/** @param {ReportedRun[]} runs @returns {string[]} a note for each that failed, equal ones of several runs joined */
export function failures(runs) {
  /** @type {Map<string, string[]>} */
  const places = new Map();
  for (const run of runs) {
    if (!run.error) continue;
    const { message } = run.error;
    places.set(message, [...(places.get(message) ?? []), titleOf(run)]);
  }
  return [...places].map(([message, titles]) => `${some(titles)} failed: ${message}`);
}

/** @param {PlannedRun} run */
export const titleOf = ({ norm, batchSize, seed }) =>
  `${norm ? `${norm} at ` : ''}batch size ${batchSize}, seed ${seed}`;

/** @param {string[]} titles */
export const some = (titles) =>
  titles.length > 3 ? `${titles.slice(0, 3).join('; ')} and ${titles.length - 3} more` : titles.join('; ');

/**
 * In the order of the plan, without what is not in it.
 *
 * @param {ReportedRun[]} runs
 * @param {PlannedRun[]} plan
 */
export function inOrder(runs, plan) {
  const places = new Map(plan.map((run, i) => [runKey(run), i]));
  return runs
    .filter((run) => places.has(runKey(run)))
    .sort((a, b) => Number(places.get(runKey(a))) - Number(places.get(runKey(b))));
}
