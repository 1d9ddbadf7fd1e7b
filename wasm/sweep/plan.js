/**
 * One point of a sweep.
 *
 * @typedef {object} PlannedRun
 * @property {string | null} norm null for a model that has its own normalizations
 * @property {number} batchSize
 * @property {number} seed
 *
 * @typedef {{ norms: (string | null)[], batchSizes: number[], seeds: number[] }} Axes
 */

/**
 * All runs of a sweep, always in this order: norms outermost, seeds innermost.
 *
 * @param {Axes} axes
 * @returns {PlannedRun[]}
 */
export const planRuns = ({ norms, batchSizes, seeds }) =>
  norms.flatMap((norm) => batchSizes.flatMap((batchSize) => seeds.map((seed) => ({ norm, batchSize, seed }))));

/** @param {PlannedRun} run @returns {string} equal for equal runs */
export const runKey = ({ norm, batchSize, seed }) => `${norm} ${batchSize} ${seed}`;

/**
 * One machine's share of a list. Runs of one batch size, which take equally long, go to different machines.
 *
 * @template {PlannedRun} T
 * @param {T[]} runs
 * @param {{ index: number, count: number }} shard index from 1
 * @returns {T[]}
 */
export function shareOf(runs, { index, count }) {
  const mine = new Set([...runs].sort(longestFirst).filter((_, i) => i % count === index - 1));
  return runs.filter((run) => mine.has(run));
}

/**
 * The order in which runs are begun: small batches, which take longest, first, so that no worker is left with one when the
 * others have ended.
 *
 * @param {PlannedRun} a
 * @param {PlannedRun} b
 */
export const longestFirst = (a, b) => a.batchSize - b.batchSize;
