import { type Engine, type Model, presetSpec, type TrainerOptions } from 'normlab';
import type { RunConfig } from '../protocol';
import type { Context } from '.';

interface PyTorch {
  toPyTorch(model: Model, options: { trainer: TrainerOptions; run: { batchSize: number; seed: number } }): string;
}

/** What the page asks for on every tab. */
export default (context: Context) => ({
  /** PyTorch code that makes the network of a configuration and trains it in the same way. */
  pytorch({ model: preset, norm, groups, placement, seed, batch, lr, momentum, decay }: RunConfig): string {
    const engine = context.engine as Engine & PyTorch;
    const model = engine.model(presetSpec(preset, { norm, groups, placement, seed }));
    try {
      const trainer: TrainerOptions = { optimizer: { type: 'sgd', lr, momentum, weightDecay: decay } };
      return engine.toPyTorch(model, { trainer, run: { batchSize: batch, seed } });
    } finally {
      model.dispose();
    }
  },

  /** The model in training as a safetensors file, which `nl.loadModel` reads; null where there is none. */
  model(): Uint8Array | null {
    return context.run?.model.save() ?? null;
  },
});
