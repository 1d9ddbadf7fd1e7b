import type { Model, StateDict, Tensor, TrainerOptions } from 'normlab';
import { presetSpec } from 'normlab/training';
import type { Bench } from './bench';
import { largestDifference } from './numbers';
import type { Curve, Outcome } from './pitfall';

const STEPS = 40;
const BATCH = 32;
const LR = 0.05;

export interface SplitRun {
  /** ‖split − whole‖ / ‖whole‖, of the gradients of one and the same batch. */
  gradient: number;
  /** Largest difference of the losses over the steps. */
  loss: number;
  plot: NonNullable<Outcome['plot']>;
}

/** Trains on batches of 32 in one go and, from the same weights, with each batch split as `options` say. */
export async function againstWhole(
  bench: Bench,
  { norm, options, label }: { norm: 'batch' | 'group'; options: TrainerOptions; label: string },
): Promise<SplitRun> {
  const { train } = await bench.images();
  const spec = presetSpec('mlp', { norm, seed: 1 });
  bench.plan(2 * STEPS);
  const { x, labels } = train.batch(Array.from({ length: BATCH }, (_, i) => i));
  const start = bench.model(spec);
  const after = [{}, options].map((own) => {
    const model = bench.model(spec);
    // Plain SGD at rate 1: what the weights lose is the gradient.
    bench.own(bench.nl.trainer(model, { ...own, optimizer: { lr: 1 } })).step(x, labels);
    return model;
  }) as [Model, Model];
  const losses: number[][] = [];
  for (const own of [{}, options]) {
    const run = bench.start(bench.model(spec), { optimizer: { lr: LR }, ...own }, train, { batchSize: BATCH });
    losses.push((await bench.steps(run, STEPS)).map((step) => step.loss));
  }
  const [whole, split] = losses as [number[], number[]];
  const at = whole.map((_, i) => i + 1);
  const curves: Curve[] = [
    { label: `${BATCH} in one go`, x: at, y: whole, color: '--ink-2' },
    { label, x: at, y: split, norm },
  ];
  return {
    gradient: relativeDifference(start, ...after),
    loss: largestDifference(whole, split),
    plot: {
      label: 'Training loss over the steps',
      x: { label: 'step' },
      y: { label: 'loss', min: 0, max: 2.6 },
      curves,
    },
  };
}

/** ‖split − whole‖ / ‖whole − start‖ over all parameters. */
function relativeDifference(start: Model, whole: Model, split: Model): number {
  const [first, one, other] = [start.stateDict(), whole.stateDict(), split.stateDict()];
  const values = (state: StateDict, key: string) => (state[key] as Tensor).data;
  let [apart, size] = [0, 0];
  for (const { key } of start.parameters) {
    const [a, b, c] = [values(first, key), values(one, key), values(other, key)];
    for (let i = 0; i < a.length; i++) {
      apart += ((c[i] as number) - (b[i] as number)) ** 2;
      size += ((b[i] as number) - (a[i] as number)) ** 2;
    }
  }
  return Math.sqrt(apart / size);
}
