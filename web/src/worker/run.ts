import type { Dataset, Model, Trainer, TrainingRun } from 'normlab';
import { type Core, presetSpec } from 'normlab/core';
import { Evaluation, EvaluationPace, nextEvaluation } from './evaluation';
import { Pace, Throughput } from './pace';
import { layersOf } from './probes';
import type { Failure, LayerInfo, RunConfig, RunPhase } from './protocol';

/** What a run trains on, and what it is tested with. */
export interface Data {
  train: Dataset;
  test: Dataset;
}

/** A model in training, with what is due to be reported of it. */
export class Run {
  phase: RunPhase = 'ready';
  failure: Failure | undefined;
  evaluation: Evaluation | null = null;
  readonly layers: LayerInfo[];
  readonly model: Model;
  readonly #trainer: Trainer;
  readonly #training: TrainingRun;
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
    engine: Core,
    readonly data: Data,
  ) {
    const { model, norm, groups, placement, seed, batch, lr, momentum, decay } = config;
    this.model = engine.model(presetSpec(model, { norm, groups, placement, seed }));
    this.#trainer = engine.trainer(this.model, { optimizer: { type: 'sgd', lr, momentum, weightDecay: decay } });
    this.#training = this.#trainer.start(data.train, { batchSize: batch, seed });
    this.layers = layersOf(this.model);
    this.#evaluationDue = nextEvaluation(0);
  }

  get step(): number {
    return this.#step;
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
    const { batch } = this.config;
    const untilDue = Math.ceil(this.#evaluationDue / batch) - this.#step;
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
        return true;
      }
    }
    const due = this.#step * this.config.batch >= this.#evaluationDue;
    if (due) this.#evaluationDue = nextEvaluation(this.#step * this.config.batch);
    return due || epochEnded;
  }
}
