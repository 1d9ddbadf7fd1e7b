import type { Engine, PlannedRun } from 'normlab';
import { presetSpec } from 'normlab';
import { toFailure } from './failure';
import { type BatchNormValues, type SessionEvent, SWEEP_MODELS, type SweepPlan } from './protocol';
import type { Data } from './run';

interface Order {
  sweep: number;
  plan: SweepPlan;
  /** Runs that are not to be made again. */
  done: readonly PlannedRun[];
  signal: AbortSignal;
}

/** Has a plan's runs made and reports each; says nothing more once the signal has come. */
export async function runSweep(
  engine: Engine,
  data: Data,
  { sweep, plan, done, signal }: Order,
  emit: (event: SessionEvent) => void,
): Promise<void> {
  const { model, norms, batchSizes, seeds, images, epochs } = plan;
  const left = (run: PlannedRun) => !done.some((other) => sameRun(run, other));
  try {
    await engine.sweep({
      ...{ model, data, epochs, signal },
      norms: [...norms],
      batchSizes: [...batchSizes],
      seeds: [...seeds],
      limit: images,
      only: left,
      onProgress: (progress) => emit({ type: 'sweeping', sweep, ...progress }),
      onRun: ({ history: { epochs: history }, ...run }) =>
        emit({ type: 'swept', sweep, result: { ...run, history: { epochs: history } } }),
    });
    emit({ type: 'sweepEnded', sweep });
  } catch (error) {
    if (!signal.aborted) emit({ type: 'sweepEnded', sweep, failure: toFailure(error) });
  }
}

function sameRun(a: PlannedRun, b: PlannedRun): boolean {
  return a.norm === b.norm && a.batchSize === b.batchSize && a.seed === b.seed;
}

/** Of each model that can be swept: m of its BatchNorms at batch size 1, of which m at any other is the multiple. */
export function batchNormValues(engine: Engine): BatchNormValues {
  const entries = SWEEP_MODELS.map((name) => {
    const model = engine.model(presetSpec(name, { norm: 'batch' }));
    const values = Object.values(model.valuesPerStatistic(1));
    model.dispose();
    return [name, { least: Math.min(...values), most: Math.max(...values) }];
  });
  return Object.fromEntries(entries);
}
