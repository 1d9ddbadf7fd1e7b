import { type Engine, type Model, presetSpec, type Trainer, type TrainingRun } from 'normlab';
import { layersOf } from './layer-info';
import { type Origin, READY, RECALIBRATION_BATCH, type Subject, type SubjectPlan } from './modes-plan';
import { Pace } from './pace';
import type { Score } from './protocol';
import type { Data, Run } from './run';

type State = ReturnType<Model['stateDict']>;

/** Running statistics that the network has or had. */
interface Statistics {
  origin: Origin;
  state: State;
  /** Of the test images in eval mode, once it has been measured. */
  score?: Score;
}

type About = Pick<Subject, 'source' | 'model' | 'norm' | 'groups' | 'wanted'>;

const STATISTIC = /\.(running_mean|running_var|num_batches_tracked)$/;
/** As many changes can be taken back. */
const KEPT = 20;
let revisions = 0;

/** A network of its own to be looked at, with what its running statistics were. */
export class Looked {
  readonly #about: About;
  #training: { trainer: Trainer; run: TrainingRun } | null;
  readonly #pace = new Pace();
  readonly #history: Statistics[] = [];
  #steps: number;
  #revision = ++revisions;

  private constructor(
    readonly key: string,
    readonly model: Model,
    readonly data: Data,
    about: About,
    steps: number,
    trainer: Trainer | null,
  ) {
    this.#about = about;
    this.#steps = steps;
    const run = trainer?.start(data.train, { batchSize: READY.batch, seed: READY.seed });
    this.#training = trainer && run ? { trainer, run } : null;
    this.#remember({ kind: 'training' });
  }

  /** A copy of a run's network as it is now. */
  static copy(key: string, engine: Engine, data: Data, run: Run): Looked {
    const { model, norm, groups } = run.config;
    const about = { source: 'train' as const, model, norm, groups, wanted: run.step };
    return new Looked(key, engine.loadModel(run.model.save()), data, about, run.step, null);
  }

  /** A network that is still to be trained. */
  static begin(key: string, engine: Engine, data: Data, { model, norm, steps }: SubjectPlan): Looked {
    const { seed, lr, momentum } = READY;
    const groups = 8;
    const made = engine.model(presetSpec(model, { norm, groups, seed }));
    const trainer = engine.trainer(made, { optimizer: { type: 'sgd', lr, momentum } });
    return new Looked(key, made, data, { source: 'ready', model, norm, groups, wanted: steps }, 0, trainer);
  }

  get source(): Subject['source'] {
    return this.#about.source;
  }

  /** Trains for about so long, if anything is left to train. */
  advance(budgetMs: number): void {
    if (!this.#training) return;
    const left = this.#about.wanted - this.#steps;
    if (left > 0) {
      const begun = performance.now();
      const { steps } = this.#training.run.steps(Math.min(left, this.#pace.fitting(budgetMs)));
      this.#pace.record(steps.length, performance.now() - begun);
      this.#steps += steps.length;
      this.#revision = ++revisions;
      this.#history.length = 0;
      this.#remember({ kind: 'training' });
    }
    // With the training go what its optimizer keeps and its images.
    if (this.#steps === this.#about.wanted) this.#endTraining();
  }

  describe(): Subject {
    return {
      ...this.#about,
      steps: this.#steps,
      revision: this.#revision,
      layers: layersOf(this.model),
      keepsStatistics: Object.keys(this.#present.state).length > 0,
      origin: this.#present.origin,
      former: this.#former?.origin ?? null,
    };
  }

  recalibrate(batches: number): void {
    const images = this.data.train.slice(0, batches * RECALIBRATION_BATCH);
    this.model.recalibrate(images, { batchSize: RECALIBRATION_BATCH });
    this.#change({ kind: 'batches', batches });
  }

  /** What reset_running_stats() does. */
  reset(): void {
    const first: State = {};
    for (const [key, value] of Object.entries(this.#present.state)) {
      if (typeof value === 'number') first[key] = 0;
      else first[key] = { shape: value.shape, data: value.data.map(() => (key.endsWith('var') ? 1 : 0)) };
    }
    this.#load(first);
    this.#change({ kind: 'first' });
  }

  undo(): void {
    if (!this.#former) return;
    this.#history.pop();
    this.#load(this.#present.state);
    this.#revision = ++revisions;
  }

  /** What `use` gives with the former running statistics; null where there are none. */
  formerly<T>(use: () => T): T | null {
    if (!this.#former) return null;
    return this.#borrowing(() => {
      this.#load(this.#former?.state ?? {});
      return use();
    });
  }

  /** What `use` leaves as running statistics, which are then again what they were. */
  statisticsAfter(use: () => void): State {
    return this.#borrowing(() => {
      use();
      return this.#statistics();
    });
  }

  get statistics(): State {
    return this.#present.state;
  }

  /** Remembers the eval mode's figures of the running statistics; gives those of the former ones. */
  keepScore(score: Score | null): Score | null {
    if (score) this.#present.score = score;
    return this.#former?.score ?? null;
  }

  dispose(): void {
    this.#endTraining();
    this.model.dispose();
  }

  #endTraining(): void {
    this.#training?.run.dispose();
    this.#training?.trainer.dispose();
    this.#training = null;
  }

  get #present(): Statistics {
    return this.#history.at(-1) as Statistics;
  }

  get #former(): Statistics | undefined {
    return this.#history.at(-2);
  }

  #change(origin: Origin): void {
    this.#remember(origin);
    this.#revision = ++revisions;
  }

  #remember(origin: Origin): void {
    this.#history.push({ origin, state: this.#statistics() });
    if (this.#history.length > KEPT) this.#history.shift();
  }

  #statistics(): State {
    return Object.fromEntries(Object.entries(this.model.stateDict()).filter(([key]) => STATISTIC.test(key)));
  }

  #load(state: State): void {
    this.model.loadStateDict(state, { strict: false });
  }

  #borrowing<T>(use: () => T): T {
    try {
      return use();
    } finally {
      this.#load(this.#present.state);
    }
  }
}
