import { batch, computed, effect, signal } from '@preact/signals';
import type { Failure, SweepJob, SweepPlan, SweepResult } from '../../../worker/protocol';
import { type Config, settings } from '../../settings';
import type { LabModel } from '../../state/lab';
import { seldom } from '../../state/seldom';
import { engineSentence, toldChanges } from '../../state/status';
import { makeRuns } from './lanes';
import { sweepSentence } from './sweep-status';

export type SweepPhase = 'idle' | 'running' | 'cancelled' | 'failed';

export interface SweepActivity {
  phase: SweepPhase;
  /** Steps made of those that were to be made when Run or Resume was pressed, 0 to 1. */
  share: number;
  /** null until known. */
  secondsLeft: number | null;
  /** What was changed while it ran. */
  note: string;
  failure?: Failure | undefined;
}

const IDLE: SweepActivity = { phase: 'idle', share: 0, secondsLeft: null, note: '' };
/** Before this much has been done, the time it took says little about the rest. */
const TELLING_SHARE = 0.02;

/** The sweep that a configuration describes. */
export function planOf(config: Config): SweepPlan {
  return {
    model: config.sweepModel,
    norms: config.sweepNorms,
    batchSizes: config.sweepBatches,
    seeds: Array.from({ length: config.sweepSeeds }, (_, seed) => seed),
    images: config.sweepImages,
    epochs: config.sweepEpochs,
  };
}

/** All runs of a plan, in the order of `nl.sweep`: norms outermost, seeds innermost. */
export function runsOf({ norms, batchSizes, seeds }: SweepPlan): SweepJob[] {
  return norms.flatMap((norm) => batchSizes.flatMap((batchSize) => seeds.map((seed) => ({ norm, batchSize, seed }))));
}

/** Equal for runs that come out equal. */
function keyOf(
  { model, images, epochs }: SweepPlan,
  { norm, batchSize, seed }: Pick<SweepJob, 'batchSize' | 'seed'> & { norm: string | null },
): string {
  return [model, images, epochs, norm, batchSize, seed].join(' ');
}

/**
 * The sweep of the page. Every run that has finished is kept under what it was made with: a setting that is changed and
 * changed back finds its runs again, and what is added to a sweep is all that is left to run.
 */
export function sweepState(lab: LabModel) {
  const finished = signal<ReadonlyMap<string, SweepResult>>(new Map());
  const activity = signal<SweepActivity>(IDLE);
  const plan = computed(() => planOf(lab.config.value));
  const planned = computed(() => runsOf(plan.value));
  /** The finished runs of the present plan, in its order. */
  const results = computed(() => planned.value.flatMap((run) => finished.value.get(keyOf(plan.value, run)) ?? []));

  let giveUp = () => {};
  // With the lab end its workers.
  effect(() => () => giveUp());

  function start(note: string): void {
    giveUp();
    // The processors are the sweep's.
    if (lab.progress.peek().phase === 'running') lab.pause();
    const running = plan.peek();
    const begunAt = performance.now();
    const left = planned.peek().filter((run) => !finished.peek().has(keyOf(running, run)));
    activity.value = { ...IDLE, phase: 'running', note };
    giveUp = makeRuns(running, left, (port) => lab.ask('batches', 'sendData', port), {
      onSteps(steps, totalSteps) {
        const share = steps / totalSteps;
        const seconds = (performance.now() - begunAt) / 1000;
        const secondsLeft = share >= TELLING_SHARE ? (seconds * (1 - share)) / share : null;
        activity.value = { ...activity.peek(), share, secondsLeft };
      },
      onRun(result) {
        finished.value = new Map(finished.peek()).set(keyOf(running, result), result);
      },
      onEnd(failure) {
        activity.value = failure ? { ...IDLE, phase: 'failed', failure } : IDLE;
      },
    });
  }

  function stop(phase: SweepPhase): void {
    if (activity.peek().phase !== 'running') return;
    giveUp();
    activity.value = { ...IDLE, phase };
  }

  /** What has been changed while it runs is told; it goes on with the runs that are now to be made. */
  function replan(reason: string): void {
    if (activity.peek().phase !== 'running') activity.value = IDLE;
    else if (results.peek().length < planned.peek().length) start(reason);
    else stop('idle');
  }
  lab.onChange((changed, next) => {
    const replanning = changed.filter((key) => settings[key].effect === 'sweep');
    if (replanning.length > 0) replan(toldChanges(replanning, 'changed to', next));
  });

  const status = seldom(() => {
    const { phase, share } = activity.value;
    const parts = { activity: activity.value, plan: plan.value, total: planned.value.length, results: results.value };
    // Once it has begun, its own workers have all they need; that which trains may end beside them.
    const trouble = share > 0 ? null : engineSentence(lab.engine.value, phase === 'running' ? 'The sweep' : '');
    return trouble ?? sweepSentence(parts);
  });

  return {
    plan,
    planned,
    results,
    activity,
    status,

    /** Makes all runs of the plan, those again that were made before. */
    run(): void {
      const again = new Set(planned.peek().map((run) => keyOf(plan.peek(), run)));
      batch(() => {
        finished.value = new Map([...finished.peek()].filter(([key]) => !again.has(key)));
        start('');
      });
    },
    /** Makes the runs of the plan that are not there yet. */
    resume: () => start(''),
    cancel: () => stop('cancelled'),
  };
}

export type SweepModel = ReturnType<typeof sweepState>;

/** The sweep of the page: it goes on while another tab is open. */
export const sweepOf = (lab: LabModel): SweepModel => lab.tab('batches', () => sweepState(lab));
