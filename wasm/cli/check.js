import { setImmediate } from 'node:timers/promises';
import { gradientCheck } from '../check/gradients.js';
import { createEngine } from '../index.js';
import { random } from '../random.js';
import { EXIT, UsageError } from './failure.js';
import { onInterrupt } from './interrupt.js';
import { chooseModel } from './model.js';
import { checkProgress } from './progress.js';
import { allowRelaxedSimd } from './relaxed.js';
import { modelTitle, print, printJson, table } from './report.js';

/**
 * @typedef {import('./options.js').CheckOptions} CheckOptions
 * @typedef {import('../index.js').Model} Model
 * @typedef {import('../check/gradients.js').TensorCheck} TensorCheck
 * @typedef {import('../check/gradients.js').GradientCheck} GradientCheck
 */

/** How long the check holds Ctrl-C up at most. */
const BREATH_MS = 100;

/**
 * `normlab check`
 *
 * @param {CheckOptions} options
 * @param {(name: keyof CheckOptions) => boolean} given
 * @returns {Promise<number>} the exit status
 */
export async function check(options, given) {
  const choice = await chooseModel(options, given);
  await allowRelaxedSimd();
  const engine = await createEngine({ variant: options.variant });
  const { signal, dispose } = onInterrupt();
  try {
    const model = await choice.make(engine);
    const output = model.layers.at(-1)?.shape ?? model.input;
    if (output.length !== 1) {
      throw new UsageError(`${choice.source}: expected an output a class, in one dimension, got [${output}]`);
    }
    const { batchSize, mode, samples, tolerance, json, quiet } = options;
    const settings = { ...choice.settings, batchSize, mode, samples, tolerance, variant: engine.variant };
    unsettle(model, settings);
    const lines = tableOf(model);
    if (!json) print(`${heading(settings)}\n\n${lines.header}`);
    const { finished, result } = await run(model, settings, {
      quiet,
      signal,
      onParameter: (parameter) => {
        if (!json) print(lines.row(parameter));
      },
    });
    if (json) {
      const nothing = { parameters: finished, input: null, loss: null, logits: null, undecided: null, passed: null };
      printJson({ command: 'check', ...settings, ...(result ?? nothing), interrupted: !result });
    } else {
      if (result) print(lines.row(result.input));
      print(result ? summary(result, tolerance) : `\ninterrupted: ${finished.length} parameters checked`);
    }
    if (!result) return EXIT.interrupted;
    return result.passed ? EXIT.done : EXIT.failed;
  } finally {
    dispose();
    engine.dispose();
  }
}

/**
 * Moves the model away from where it starts, so that no factor is 1 and no term is 0: parameters whose elements are all
 * equal by noise, and running statistics, where they will be used, by passes over other noise.
 *
 * @param {Model} model
 * @param {{ seed: number, mode: string, batchSize: number }} settings
 */
function unsettle(model, { seed, mode, batchSize }) {
  const { normal } = random(seed);
  const state = model.stateDict();
  for (const { key } of model.parameters) {
    const { data } = /** @type {import('../index.js').Tensor} */ (state[key]);
    if (data.every((value) => value === data[0])) data.set(data.map((value) => value + 0.25 * normal()));
  }
  model.loadStateDict(state);
  if (mode !== 'eval' || !Object.keys(state).some((key) => key.endsWith('.running_var'))) return;
  const shape = [Math.max(batchSize, 2), ...model.input];
  const size = shape.reduce((product, dim) => product * dim, 1);
  for (let pass = 0; pass < 3; pass++) {
    model.forward({ data: Float32Array.from({ length: size }, () => 0.5 + 1.5 * normal()), shape });
  }
}

/**
 * @param {Model} model
 * @param {{ batchSize: number, mode: 'train' | 'eval', samples: number, tolerance: number, seed: number }} settings
 * @param {{ quiet?: boolean, signal: AbortSignal, onParameter: (parameter: TensorCheck) => void }} options
 * @returns {Promise<{ finished: TensorCheck[], result: GradientCheck | null }>} no result where it was interrupted
 */
async function run(model, { batchSize, mode, samples, tolerance, seed }, { quiet, signal, onParameter }) {
  const { parameters } = model;
  /** @type {TensorCheck[]} */
  const finished = [];
  /** @param {TensorCheck[]} now */
  const report = (now) => {
    if (now.length === finished.length) return;
    progress?.pause();
    for (const parameter of now.slice(finished.length)) onParameter(parameter);
    finished.push(...now.slice(finished.length));
  };
  const steps = gradientCheck(model, { batchSize, mode, samples, tolerance, seed });
  /** @type {ReturnType<typeof checkProgress> | null} */
  let progress = null;
  let breath = performance.now();
  try {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) {
        report(step.value.parameters);
        return { finished, result: step.value };
      }
      const { done, total, parameters: now } = step.value;
      report(now.slice(0, parameters.length));
      progress ??= checkProgress({ quiet, steps: total });
      progress.update(done, { key: parameters[now.length]?.key ?? 'input' });
      if (performance.now() - breath > BREATH_MS) {
        await setImmediate();
        breath = performance.now();
      }
      if (signal.aborted) return { finished, result: null };
    }
  } finally {
    progress?.pause();
  }
}

/** @param {import('./model.js').ModelSettings & { batchSize: number, mode: string, variant: string }} settings */
const heading = ({ batchSize, mode, variant, ...rest }) =>
  `${modelTitle(rest)}; batch size ${batchSize}, ${mode} mode, seed ${rest.seed}; ${variant} module`;

/** @param {Model} model */
function tableOf({ parameters, input }) {
  const shapes = [...parameters.map(({ shape }) => shape), [100, ...input]];
  /** @param {string[]} cells */
  const widest = (cells) => Math.max(...cells.map(({ length }) => length));
  return table(
    /** @type {import('./report.js').Column<TensorCheck>[]} */ ([
      { title: 'parameter', width: widest(parameters.map(({ key }) => key)), left: true, cell: ({ key }) => key },
      {
        title: 'shape',
        width: widest(shapes.map((shape) => shape.join('×'))),
        left: true,
        cell: ({ shape }) => shape.join('×'),
      },
      { title: 'error', width: 8, cell: ({ worst }) => (worst === 0 ? '0' : worst.toExponential(1)) },
      { title: 'at', width: widest(shapes.map(place)), left: true, cell: ({ at }) => (at ? place(at) : 'a direction') },
      { title: 'engine', width: 11, cell: ({ engine }) => figure(engine) },
      { title: 'expected', width: 11, cell: ({ expected }) => figure(expected) },
      { title: '', width: 5, left: true, cell: ({ passed }) => (passed ? 'ok' : 'WRONG') },
    ]),
  );
}

/** @param {number[]} at */
const place = (at) => `[${at.join(', ')}]`;

/** @param {number} value */
const figure = (value) => (value === 0 ? '0' : value.toExponential(4));

/** @param {GradientCheck} result @param {number} tolerance */
function summary({ parameters, input, loss, logits, undecided, passed }, tolerance) {
  const wrong = [
    ...[...parameters, input].filter((tensor) => !tensor.passed).map(({ key }) => key),
    ...Object.entries({ loss, logits }).flatMap(([name, { error }]) => (error <= tolerance ? [] : [name])),
  ];
  const note =
    undecided > 0 ? `note: ${undecided} branches of ReLU or max pooling hang on less than float32's rounding\n` : '';
  return [
    '',
    `loss ${loss.engine.toFixed(6)}, expected ${loss.expected.toFixed(6)}; worst logit ${figure(logits.engine)}, expected ${figure(logits.expected)}`,
    passed
      ? `${note}ok: every error is within ${tolerance}`
      : `${note}WRONG by more than ${tolerance}: ${wrong.join(', ')}`,
  ].join('\n');
}
