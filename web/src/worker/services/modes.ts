import { Evaluation, EvaluationPace } from '../evaluation';
import { TestImages } from '../modes-batch';
import { compareBatch, drawOnce } from '../modes-compare';
import type { BatchComparison, BatchPlan, Draw, Subject, SubjectPlan } from '../modes-plan';
import { Looked } from '../modes-subject';
import { greyPixels } from '../probes';
import type { ModeResult, Score } from '../protocol';
import type { Context } from '.';

/** A call takes about so long, so that whatever trains beside it goes on. */
const PORTION_MS = 25;

export interface BatchScores {
  eval: ModeResult<Score>;
  train: ModeResult<Score>;
  /** Eval mode with the former running statistics. */
  former: Score | null;
}

export interface Draws {
  draws: Draw[];
  /** Grey values of the last draw's companions. */
  pixels: Uint8Array;
}

export default (context: Context) => {
  let looked: Looked | null = null;
  let images: TestImages | null = null;
  let evaluation: { key: string; work: Evaluation } | null = null;
  const pace = new EvaluationPace();

  const testImages = async () => {
    images ??= new TestImages((await context.data).test);
    return images;
  };
  const subject = () => {
    if (!looked) throw new Error('no network has been taken');
    return looked;
  };

  return {
    /** Takes or trains the network that is wanted, for a portion: to be called until all steps are made. */
    async prepare(plan: SubjectPlan): Promise<Subject> {
      const data = await context.data;
      const key = JSON.stringify(plan);
      const { run } = context;
      const trained = plan.source === 'train' && run && run.step > 0 ? run : null;
      if (trained && trained.data !== data) {
        const taken = 'take the ready-trained network, or go back to Fashion-MNIST in Train';
        throw new Error(`The network in Train has images of its own, and here are those of Fashion-MNIST: ${taken}`);
      }
      if (looked?.key !== key || (trained && looked.source === 'ready')) {
        looked?.dispose();
        looked = null;
        looked = trained
          ? Looked.copy(key, context.engine, data, trained)
          : Looked.begin(key, context.engine, data, plan);
      }
      looked.advance(PORTION_MS);
      return looked.describe();
    },

    async compare(plan: BatchPlan): Promise<BatchComparison> {
      return compareBatch(subject(), await testImages(), plan);
    },

    /** Goes on with the evaluation on all test images in batches like this; null until it is done. */
    async evaluate({ size, order }: Pick<BatchPlan, 'size' | 'order'>): Promise<BatchScores | null> {
      const data = (await testImages()).all(order);
      const at = subject();
      const key = `${at.describe().revision} ${size} ${order}`;
      if (evaluation?.key !== key) evaluation = { key, work: new Evaluation(at.model, data, size, pace) };
      if (!evaluation.work.advance(PORTION_MS)) return null;
      const { result } = evaluation.work;
      return { ...result, former: at.keepScore('failure' in result.eval ? null : result.eval) };
    },

    /** An image, of the batch or drawn by hand, among the companions of `count` draws, or as many as a portion holds. */
    async draw(plan: BatchPlan, image: number | Uint8Array, first: number, count: number): Promise<Draws> {
      const all = await testImages();
      const { model } = subject();
      const index = typeof image === 'number' ? (all.batch(plan)[image] ?? 0) : image;
      const until = performance.now() + PORTION_MS;
      const draws: Draw[] = [];
      do draws.push(drawOnce(model, all, plan, index, first + draws.length));
      while (draws.length < count && performance.now() < until);
      const companions = draws.at(-1)?.companions ?? [];
      const pixels =
        companions.length > 0 ? greyPixels(all.subset(companions), 0, companions.length) : new Uint8Array();
      return { draws, pixels };
    },

    recalibrate(batches: number): Subject {
      subject().recalibrate(batches);
      return subject().describe();
    },

    /** Mean 0 and variance 1, as before the first step. */
    reset(): Subject {
      subject().reset();
      return subject().describe();
    },

    undo(): Subject {
      subject().undo();
      return subject().describe();
    },
  };
};
