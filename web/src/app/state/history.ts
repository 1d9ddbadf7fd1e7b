import type { ModeResult, Score } from '../../worker/protocol';

/** Points that a curve keeps at most; two are merged into one each time they would become more. */
const CAPACITY = 1024;
/** Images over which the smoothed curve averages, so that it is as smooth whatever the batch size. */
const SMOOTHED_IMAGES = 800;

/** The figures of every step, however many, in a bounded number of points. */
export class StepCurve {
  /** Steps that one point stands for. */
  stride = 1;
  length = 0;
  /** Last step of each point. */
  readonly steps = new Float64Array(CAPACITY);
  readonly mean = new Float64Array(CAPACITY);
  /** Exponential average over the steps, without the bias towards its start, at the point's last step. */
  readonly smooth = new Float64Array(CAPACITY);
  /** Weight of the newest step in the smoothed curve. */
  readonly #newest: number;
  #pending = 0;
  #pendingSum = 0;
  #average = 0;
  #averageWeight = 0;

  constructor(batch: number) {
    this.#newest = 1 - Math.exp(-batch / SMOOTHED_IMAGES);
  }

  push(step: number, value: number): void {
    this.#average += this.#newest * (value - this.#average);
    this.#averageWeight += this.#newest * (1 - this.#averageWeight);
    this.#pendingSum += value;
    this.#pending++;
    if (this.#pending < this.stride) return;
    if (this.length === CAPACITY) this.#merge();
    if (this.#pending < this.stride) return;
    this.steps[this.length] = step;
    this.mean[this.length] = this.#pendingSum / this.#pending;
    this.smooth[this.length] = this.last;
    this.length++;
    this.#pending = 0;
    this.#pendingSum = 0;
  }

  /** Of each point its mean. */
  get values(): readonly number[] {
    return [...this.mean.subarray(0, this.length)];
  }

  /** The smoothed value after the last step; NaN before the first. */
  get last(): number {
    return this.#average / this.#averageWeight;
  }

  #merge(): void {
    for (let i = 0; i < CAPACITY / 2; i++) {
      const [first, second] = [2 * i, 2 * i + 1];
      this.steps[i] = this.steps[second] as number;
      this.mean[i] = ((this.mean[first] as number) + (this.mean[second] as number)) / 2;
      this.smooth[i] = this.smooth[second] as number;
    }
    this.length = CAPACITY / 2;
    this.stride *= 2;
  }
}

export interface EvaluationPoint {
  step: number;
  eval: Score | null;
  train: Score | null;
}

/** Everything the curves of one run are drawn from. Plain data: `version` in the model says when to look again. */
export class RunHistory {
  readonly loss: StepCurve;
  readonly accuracy: StepCurve;
  readonly evaluations: EvaluationPoint[] = [];
  #lastStep = 0;

  constructor(batch: number) {
    this.loss = new StepCurve(batch);
    this.accuracy = new StepCurve(batch);
  }

  /** A run that goes on from a checkpoint makes steps again that are known already. */
  pushSteps(lastStep: number, losses: Float32Array, accuracies: Float32Array): void {
    const first = lastStep - losses.length + 1;
    const known = Math.max(0, this.#lastStep - first + 1);
    this.#lastStep = Math.max(this.#lastStep, lastStep);
    for (let i = known; i < losses.length; i++) {
      // A diverged step ends the run; it is told in words, a curve has no place for it.
      if (!Number.isFinite(losses[i])) break;
      this.loss.push(first + i, losses[i] as number);
      this.accuracy.push(first + i, accuracies[i] as number);
    }
  }

  pushEvaluation(step: number, evalScore: ModeResult<Score>, trainScore: ModeResult<Score>): void {
    const last = this.evaluations.at(-1);
    if (last && step < last.step) return;
    // Paused, played and paused again without a step between: the same figures.
    if (last?.step === step) this.evaluations.pop();
    this.evaluations.push({ step, eval: score(evalScore), train: score(trainScore) });
  }
}

function score(result: ModeResult<Score>): Score | null {
  return 'failure' in result || !Number.isFinite(result.loss) ? null : result;
}
