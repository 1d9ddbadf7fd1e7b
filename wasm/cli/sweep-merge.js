import { planRuns, runKey } from '../sweep/plan.js';
import { EXIT, UsageError } from './failure.js';
import { print, printJson } from './report.js';
import { difference, isFinal, readLines } from './sweep-file.js';
import { errorTable, failures, inOrder, meansOf, some, sweepHeading, titleOf } from './sweep-report.js';

/**
 * @typedef {import('./sweep-file.js').Line} Line
 * @typedef {import('../sweep/plan.js').Axes} Axes
 */

/**
 * `normlab sweep --merge FILE...`
 *
 * @param {string[]} files
 * @param {{ json?: boolean }} options
 * @returns {number} the exit status
 */
export function merge(files, { json }) {
  const { lines, settings } = readAll(files);
  const { runs: found, duplicates, contradictions } = distinct(lines);
  const axes = union(lines.map(({ sweep }) => sweep));
  const plan = planned(lines.map(({ sweep }) => sweep));
  const present = new Set(found.map(runKey));
  const missing = plan.filter((run) => !present.has(runKey(run)));
  const runs = inOrder(found, planRuns(axes));
  const notes = [
    ...(missing.length > 0
      ? [`${missing.length} of ${plan.length} runs are missing: ${some(missing.map(titleOf))}`]
      : []),
    ...(duplicates.length > 0 ? [`${duplicates.length} runs are there twice: ${some(duplicates.map(titleOf))}`] : []),
    ...contradictions.map((run) => `${titleOf(run)} has two different results, of which the first was taken`),
    ...failures(runs),
  ];
  if (json) {
    const document = { command: 'sweep', ...settings, ...axes, files, runs, means: meansOf(runs, axes) };
    printJson({ ...document, missing, duplicates, interrupted: false, notes });
  } else {
    print(`${sweepHeading(settings, axes)}\n\n${errorTable(runs, axes)}`);
    for (const note of notes) print(`note: ${note}`);
  }
  return runs.some(({ error }) => !error) ? EXIT.done : EXIT.failed;
}

/** @param {string[]} files */
function readAll(files) {
  const parts = files.map((path) => ({ path, lines: readLines('--merge', path).lines }));
  const first = parts.find(({ lines }) => lines.length > 0);
  if (!first) throw new UsageError(`--merge ${files.join(' ')}: there is no finished run`);
  const { settings } = first.lines[0];
  for (const { path, lines } of parts) {
    for (const line of lines) {
      const what = difference(line.settings, settings);
      if (what) throw new UsageError(`--merge ${path}: its runs are of other settings than ${first.path}'s: ${what}`);
    }
  }
  return { lines: parts.flatMap(({ lines }) => lines), settings };
}

/** @param {Line[]} lines the first of each run, but one that may be tried again gives way to a later one */
function distinct(lines) {
  /** @type {Map<string, Line['run']>} */
  const runs = new Map();
  /** @type {Line['run'][]} */
  const duplicates = [];
  for (const { run } of lines) {
    const before = runs.get(runKey(run));
    if (before && isFinal(before) && isFinal(run)) duplicates.push(run);
    if (!before || !isFinal(before)) runs.set(runKey(run), run);
  }
  const contradictions = duplicates.filter((run) => run.testError !== runs.get(runKey(run))?.testError);
  return {
    runs: [...runs.values()],
    duplicates: duplicates.map(({ norm, batchSize, seed }) => ({ norm, batchSize, seed })),
    contradictions,
  };
}

/** @param {Axes[]} sweeps @returns {Axes} */
const union = (sweeps) => ({
  norms: [...new Set(sweeps.flatMap(({ norms }) => norms))],
  batchSizes: [...new Set(sweeps.flatMap(({ batchSizes }) => batchSizes))].sort((a, b) => a - b),
  seeds: [...new Set(sweeps.flatMap(({ seeds }) => seeds))].sort((a, b) => a - b),
});

/** @param {Axes[]} sweeps @returns {import('../sweep/plan.js').PlannedRun[]} of any of them */
function planned(sweeps) {
  const wanted = new Set(
    [...new Set(sweeps.map((axes) => JSON.stringify(axes)))].flatMap((axes) => planRuns(JSON.parse(axes)).map(runKey)),
  );
  return planRuns(union(sweeps)).filter((run) => wanted.has(runKey(run)));
}
