import type { Dataset, Model, Trainer, TrainingRun } from 'normlab';
import type { Core } from 'normlab/core';
import { type addTraining, presetSpec } from 'normlab/training';
import { Evaluation, EvaluationPace, nextEvaluation } from './evaluation';
import { layersOf } from './layer-info';
import { Pace, Throughput } from './pace';
import type { Failure, LayerInfo, RunConfig, RunPhase } from './protocol';

export type TrainingEngine = ReturnType<typeof addTraining<Core>>;

/** What a run trains on, and what it is tested with. */
export interface Data {
  train: Dataset;
  test: Dataset;
  /** What is to be said of them. */
  note?: string;
}

/** The network that the settings describe, for images like these. */
export function modelOf(engine: Pick<TrainingEngine, 'model'>, config: RunConfig, { shape, classes }: Dataset): Model {
  const { model, norm, groups, renorm, placement, seed } = config;
  const choice = { norm: norm === 'batch' && renorm ? 'renorm' : norm, groups, placement };
  return engine.model(presetSpec(model, { ...choice, seed, input: [...shape], classes }));
}

export function optimizerOf({ optimizer, lr, momentum, decay: weightDecay }: RunConfig) {
  return optimizer === 'sgd' ? { type: optimizer, lr, momentum, weightDecay } : { type: optimizer, lr, weightDecay };
}

/** A model in training, with what is due to be reported of it. */
export class Run {
  phase: RunPhase = 'ready';
  failure: Failure | undefined;
  evaluation: Evaluation | null = null;
  readonly layers: LayerInfo[];
  readonly model: Model;
  readonly #trainer: Trainer;
  #training: TrainingRun;
  readonly #pace = new Pace();
  readonly #evaluationPace = new EvaluationPace();
  readonly #throughput = new Throughput();
  #step = 0;
  #epoch = 1;
  #evaluationDue: number;
  #losses: number[] = [];
  #accuracies: number[] = [];

  constructor(
    readonly id: number,
    readonly config: RunConfig,
    engine: TrainingEngine,
    readonly data: Data,
    /** That it begins with; null: one drawn from the seed. */
    begun: Model | null,
  ) {
    this.model = begun ?? modelOf(engine, config, data.train);
    this.#trainer = engine.trainer(this.model, { optimizer: optimizerOf(config) });
    this.#training = this.#begin();
    this.layers = layersOf(this.model);
    this.#evaluationDue = nextEvaluation(0);
  }

  #begin(): TrainingRun {
    return this.#trainer.start(this.data.train, { batchSize: this.config.batch, seed: this.config.seed });
  }

  /** All that `resume` needs to go on from here as if nothing had been in between. */
  checkpoint(): Uint8Array {
    return this.#trainer.state();
  }

  /** Puts a new run of the same configuration where another was. */
  resume(checkpoint: Uint8Array): void {
    this.#trainer.loadState(checkpoint);
    this.#training = this.#begin();
    this.#trainer.lr = this.config.lr;
    this.#step = this.#training.step;
    this.#epoch = Math.max(1, this.#training.epoch);
    this.#evaluationDue = nextEvaluation(this.imagesSeen);
    this.phase = 'paused';
  }

  get step(): number {
    return this.#step;
  }

  get imagesSeen(): number {
    return this.#step * this.config.batch;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get stepsPerEpoch(): number {
    return this.#training.stepsPerEpoch;
  }

  get parameters(): number {
    return this.model.parameters.reduce((sum, { size }) => sum + size, 0);
  }

  get imagesPerSecond(): number {
    return this.#throughput.perSecond;
  }

  set learningRate(lr: number) {
    this.#trainer.lr = lr;
  }

  /** Trains for about `budgetMs`, up to the next evaluation at most; then says whether one is due. */
  train(budgetMs: number): boolean {
    const untilDue = Math.ceil(this.#evaluationDue / this.config.batch) - this.#step;
    return this.#advance(Math.max(1, Math.min(untilDue, this.#pace.fitting(budgetMs))));
  }

  /** Exactly one step. */
  trainOnce(): void {
    this.#advance(1);
  }

  beginEvaluation(): void {
    this.evaluation = new Evaluation(this.model, this.data.test, this.config.batch, this.#evaluationPace);
  }

  /** Losses and accuracies of the steps since the last call. */
  takeHistory(): { losses: Float32Array; accuracies: Float32Array } {
    const history = { losses: Float32Array.from(this.#losses), accuracies: Float32Array.from(this.#accuracies) };
    this.#losses = [];
    this.#accuracies = [];
    return history;
  }

  dispose(): void {
    this.#training.dispose();
    this.#trainer.dispose();
    this.model.dispose();
  }

  #advance(count: number): boolean {
    const begun = performance.now();
    const { steps, epochEnded } = this.#training.steps(count);
    const ms = performance.now() - begun;
    this.#pace.record(steps.length, ms);
    this.#throughput.record(steps.length * this.config.batch, ms);
    for (const { step, epoch, loss, accuracy } of steps) {
      this.#step = step;
      this.#epoch = epoch;
      this.#losses.push(loss);
      this.#accuracies.push(accuracy);
      if (!Number.isFinite(loss)) {
        this.phase = 'diverged';
        const message = `the loss is ${loss} at step ${step} (epoch ${epoch})${this.model.nonfinite()}`;
        this.failure = { name: 'NormlabError', code: 'diverged', message };
        return true;
      }
    }
    const due = this.imagesSeen >= this.#evaluationDue;
    if (due) this.#evaluationDue = nextEvaluation(this.imagesSeen);
    return due || epochEnded;
  }
}
