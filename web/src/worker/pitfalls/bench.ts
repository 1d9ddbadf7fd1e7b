import type { Dataset, Engine, Model, ModelSpec, RunStep, Tensor, TrainerOptions, TrainingRun } from 'normlab';
import { Pace } from '../pace';
import type { Data } from '../run';
import type { Surroundings } from './pitfall';

/** Others have their turn at least this often. */
const PORTION_MS = 20;

interface Owned {
  dispose(): void;
}

type RunOptions = Parameters<ReturnType<Engine['trainer']>['start']>[1];

/** Where a pitfall is run: what it makes here is freed when it is over, and long work is done in portions. */
export class Bench {
  readonly nl: Engine;
  readonly images: () => Promise<Data>;
  readonly #giveWay: () => Promise<void>;
  readonly #onShare: (share: number) => void;
  readonly #owned: Owned[] = [];
  readonly #pace = new Pace();
  #planned = 1;
  #done = 0;

  constructor({ nl, images, giveWay, onShare }: Surroundings) {
    this.nl = nl;
    this.images = images;
    this.#giveWay = giveWay;
    this.#onShare = onShare;
  }

  own<T extends Owned>(made: T): T {
    this.#owned.push(made);
    return made;
  }

  model(spec: ModelSpec): Model {
    return this.own(this.nl.model(spec));
  }

  /** How many training steps there will be, for the progress. */
  plan(steps: number): void {
    this.#planned = steps;
  }

  /** Begins passes over data with a trainer of its own. */
  start(model: Model, options: TrainerOptions, data: Dataset, run: RunOptions): TrainingRun {
    return this.own(this.own(this.nl.trainer(model, options)).start(data, run));
  }

  /** Makes up to `count` steps, fewer where the loss stops being finite. */
  async steps(run: TrainingRun, count: number): Promise<RunStep[]> {
    const made: RunStep[] = [];
    while (made.length < count) {
      await this.#giveWay();
      const begun = performance.now();
      const { steps } = run.steps(Math.min(count - made.length, this.#pace.fitting(PORTION_MS)));
      this.#pace.record(steps.length, performance.now() - begun);
      made.push(...steps);
      this.#done += steps.length;
      this.#onShare(Math.min(1, this.#done / this.#planned));
      if (!Number.isFinite(steps.at(-1)?.loss)) break;
    }
    return made;
  }

  /** Share of right answers, in eval mode or in batches that are normalized by themselves. */
  async accuracy(model: Model, data: Dataset, mode: 'train' | 'eval', batchSize = 100): Promise<number> {
    // Whole batches: cutting the work up must not change what is normalized together.
    const piece = batchSize * Math.max(1, Math.floor(200 / batchSize));
    let right = 0;
    for (let from = 0; from < data.length; from += piece) {
      await this.#giveWay();
      const slice = data.slice(from, from + piece);
      right += Math.round(model.evaluate(slice, { batchSize, mode }).accuracy * slice.length);
    }
    return right / data.length;
  }

  giveWay(): Promise<void> {
    return this.#giveWay();
  }

  /** Standard normal values, exactly standardized per column: [n, columns] */
  normal(n: number, columns: number, seed: number): Tensor {
    const { images } = this.nl.blobs({ shape: [columns], classes: 1, length: n, noise: 1, seed });
    return { data: Float32Array.from(images), shape: [n, columns] };
  }

  dispose(): void {
    for (const one of this.#owned.reverse()) one.dispose();
  }
}
