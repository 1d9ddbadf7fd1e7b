import type { Dataset, Model } from 'normlab';
import { isFatal, toFailure } from './failure';
import { Pace } from './pace';
import type { Mode, ModeResult, Score } from './protocol';

/**
 * Images that eval mode takes at a time at most; there the batch size changes nothing but speed and memory: with as many as
 * training takes, it needs none beyond that.
 */
const EVAL_BATCH = 32;

/** How fast a model is evaluated, kept from one evaluation to the next. */
export class EvaluationPace {
  readonly eval = new Pace();
  readonly train = new Pace();
}

/**
 * Loss and accuracy of a model on a data set in both modes, a slice at a time so that the caller can do other things
 * in between. Train mode normalizes within batches of the size the model is trained with: this is what it would see
 * if `eval()` were forgotten.
 */
export class Evaluation {
  readonly #passes: Pass[];

  constructor(model: Model, data: Dataset, batch: number, pace: EvaluationPace) {
    this.#passes = [
      new Pass(model, data, 'eval', EVAL_BATCH, pace.eval),
      new Pass(model, data, 'train', batch, pace.train),
    ];
  }

  /** Works for about `budgetMs`; true once both modes are done. */
  advance(budgetMs: number): boolean {
    const pass = this.#passes.find(({ done }) => !done);
    pass?.advance(budgetMs);
    return this.#passes.every(({ done }) => done);
  }

  get result(): { eval: ModeResult<Score>; train: ModeResult<Score> } {
    const [evalPass, trainPass] = this.#passes as [Pass, Pass];
    return { eval: evalPass.result, train: trainPass.result };
  }
}

class Pass {
  done = false;
  #position = 0;
  #loss = 0;
  #correct = 0;
  #failure: ModeResult<Score> | null = null;

  constructor(
    readonly model: Model,
    readonly data: Dataset,
    readonly mode: Mode,
    readonly batch: number,
    readonly pace: Pace,
  ) {}

  advance(budgetMs: number): void {
    // Whole batches only: a slice's end must not make batches that an evaluation in one go would not have.
    const length = this.batch * this.pace.fitting(budgetMs);
    const end = Math.min(this.data.length, this.#position + length);
    const images = end - this.#position;
    const begun = performance.now();
    try {
      const slice = this.data.slice(this.#position, end);
      const { loss, accuracy } = this.model.evaluate(slice, { batchSize: this.batch, mode: this.mode });
      this.#loss += loss * images;
      // Back to whole images, so that equal results are equal however they were sliced.
      this.#correct += Math.round(accuracy * images);
    } catch (error) {
      if (isFatal(error)) throw error;
      this.#failure = { failure: toFailure(error) };
    }
    this.pace.record(images / this.batch, performance.now() - begun);
    this.#position = end;
    this.done = end === this.data.length || this.#failure !== null;
  }

  get result(): ModeResult<Score> {
    return this.#failure ?? { loss: this.#loss / this.data.length, accuracy: this.#correct / this.data.length };
  }
}

/** Training images after which the first evaluations are due; thereafter the last distance again and again. */
const EARLY = [640, 1280, 2560, 5120];
const DISTANCE = 2560;

/**
 * The number of training images after which the next evaluation is due: often at first, where running statistics are
 * still far from the batches', and ever more rarely in long runs. It depends on nothing but the images seen, so that
 * equal runs have equal curves.
 */
export function nextEvaluation(imagesSeen: number): number {
  const early = EARLY.find((images) => images > imagesSeen);
  return early ?? imagesSeen + Math.max(DISTANCE, Math.round(imagesSeen / 20));
}
