import type { Engine, LayerSpec, Model, Tensor, Trainer } from 'normlab';
import type { Look } from './protocol';
import type { Run } from './run';

/** Enough for histograms of thousands of values, few enough not to hold up the training. */
const IMAGES = 16;

/**
 * Looks into a run's network with a batch of its own: a copy of the network takes the weights and makes a step on it with
 * learning rate 0. The run itself notices nothing.
 */
export class Probe {
  readonly #model: Model;
  readonly #trainer: Trainer;
  readonly #batch: { x: Tensor; labels: Int32Array };

  constructor(
    engine: Engine,
    readonly run: Run,
  ) {
    const { spec } = run.model;
    this.#model = engine.model({ ...spec, layers: forgetful(spec.layers) });
    this.#trainer = engine.trainer(this.#model, { optimizer: { type: 'sgd', lr: 0 } });
    const images = Math.min(IMAGES, run.config.batch);
    this.#batch = run.data.train.batch(Array.from({ length: images }, (_, i) => i));
  }

  look(): Look {
    const begun = performance.now();
    this.#model.loadStateDict(this.run.model.stateDict());
    const { x, labels } = this.#batch;
    const { layers = [] } = this.#trainer.step(x, labels, { measure: true });
    const state = this.#model.stateDict();
    const batch: Look['batch'] = {};
    for (const { key } of layers) {
      const [mean, variance] = [state[`${key}.running_mean`], state[`${key}.running_var`]];
      if (typeof mean === 'object' && typeof variance === 'object')
        batch[key] = { mean: mean.data, var: variance.data };
    }
    return { step: this.run.step, images: labels.length, ms: performance.now() - begun, layers, batch };
  }

  dispose(): void {
    this.#trainer.dispose();
    this.#model.dispose();
  }
}

/** With momentum 1 what BatchNorm keeps after a step is the statistics of its batch. */
function forgetful(layers: readonly LayerSpec[]): LayerSpec[] {
  return layers.map(({ body, shortcut, ...layer }) => ({
    ...layer,
    ...(/^batch(Re)?[nN]orm$/.test(layer.type) && { momentum: 1 }),
    ...(body && { body: forgetful(body) }),
    ...(shortcut && { shortcut: forgetful(shortcut) }),
  }));
}
