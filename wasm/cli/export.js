import { createEngine } from '../index.js';
import { EXIT, UsageError } from './failure.js';
import { chooseModel } from './model.js';
import { chooseOptimizer } from './optimizer.js';
import { outputFile } from './output-file.js';
import { allowRelaxedSimd } from './relaxed.js';

/**
 * @typedef {import('./options.js').ExportOptions} ExportOptions
 * @typedef {import('../index.js').Engine} Engine
 * @typedef {import('../index.js').Model} Model
 *
 * @typedef {{ binary: boolean, write: (engine: Engine, model: Model, options: ExportOptions,
 *   given: (name: keyof ExportOptions) => boolean) => string | Uint8Array }} Format
 */

/** @type {Record<ExportOptions['to'], Format>} */
const FORMATS = {
  pytorch: {
    binary: false,
    write(engine, model, options, given) {
      const { train = false, distributed = false, batchSize, epochs, dropLast, seed } = options;
      if (!train && !distributed) return engine.toPyTorch(model);
      const { trainer } = chooseOptimizer(options, given);
      return engine.toPyTorch(model, { trainer, distributed, run: { batchSize, epochs, dropLast, seed } });
    },
  },
  safetensors: { binary: true, write: (_, model) => model.save() },
};

/**
 * `normlab export`
 *
 * @param {ExportOptions} options
 * @param {(name: keyof ExportOptions) => boolean} given
 * @returns {Promise<number>} the exit status
 */
export async function exportModel(options, given) {
  const { to, out } = options;
  const { binary, write } = FORMATS[to];
  if (binary && out === undefined) throw new UsageError(`--to ${to}: is no text: needs --out FILE`);
  const file = out === undefined ? null : outputFile('--out', out);
  const choice = await chooseModel(options, given);
  await allowRelaxedSimd();
  const engine = await createEngine({ variant: options.variant });
  try {
    const written = write(engine, await choice.make(engine), options, given);
    if (file) file.write(typeof written === 'string' ? new TextEncoder().encode(written) : written);
    else process.stdout.write(written);
    return EXIT.done;
  } finally {
    engine.dispose();
  }
}
