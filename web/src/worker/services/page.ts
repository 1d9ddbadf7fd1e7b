import type { FileContent, RunConfig } from '../protocol';
import { modelOf, optimizerOf } from '../run';
import type { Context } from '.';

export interface Checkpoint {
  run: number;
  step: number;
  bytes: Uint8Array;
}

/** What was found in files that were opened. */
export type Found =
  | { kind: 'data'; shape: number[]; classNames: string[]; trainImages: number; testImages: number; note: string }
  | { kind: 'model'; settings: Partial<RunConfig> | null; note: string };

/** What the page asks for on every tab. */
export default (context: Context) => ({
  /** PyTorch code that makes the network of a configuration and trains it in the same way. */
  async pytorch(config: RunConfig): Promise<string> {
    const { engine } = context;
    const { batch, seed } = config;
    const data = context.opened.dataFor(config, await context.data);
    const model = context.opened.modelFor(config, data) ?? modelOf(engine, config, data.train);
    try {
      const trainer = { optimizer: optimizerOf(config) };
      return engine.toPyTorch(model, { trainer, run: { batchSize: batch, seed } });
    } finally {
      model.dispose();
    }
  },

  /** The model of a run as a safetensors file, which `nl.loadModel` reads; null where there is none. */
  model(id: number): Uint8Array | null {
    return context.runs.find((run) => run.id === id)?.model.save() ?? null;
  },

  /** What the runs under way can be gone on with in another worker, of those that have anything to lose. */
  checkpoints(): Checkpoint[] {
    const begun = context.runs.filter(({ step, phase }) => step > 0 && phase !== 'diverged');
    return begun.map((run) => ({ run: run.id, step: run.step, bytes: run.checkpoint() }));
  },

  /** Reads files and keeps what they hold under a name, which settings can then have. */
  async open(name: string, files: FileContent[], config: RunConfig): Promise<Found> {
    const { readFiles } = await import('../read-files');
    const data = context.opened.dataFor(config, await context.data);
    const read = await readFiles(context.engine, files, config, data);
    if (read.kind === 'model') {
      const { make, ...found } = read.model;
      context.opened.models.set(name, make);
      return { kind: 'model', ...found };
    }
    const { note, ...parts } = read.data;
    context.opened.data.set(name, parts);
    const { train, test } = parts;
    const classNames = [...(train.classNames ?? Array.from({ length: train.classes }, (_, k) => String(k)))];
    return { kind: 'data', shape: train.shape, classNames, trainImages: train.length, testImages: test.length, note };
  },
});
