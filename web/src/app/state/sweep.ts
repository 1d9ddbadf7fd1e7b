import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import type { PlannedRun } from 'normlab';
import type { Failure, SessionEvent, SweepPlan, SweepResult } from '../../worker/protocol';
import type { Config } from '../settings';
import type { EngineState } from './lab';
import { seldom } from './seldom';
import { engineSentence } from './status';
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

/** What the worker is asked to do. */
interface Commands {
  start(id: number, plan: SweepPlan, done: PlannedRun[]): void;
  cancel(): void;
}

type SweepEvent = Extract<SessionEvent, { sweep: number }>;

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
export function runsOf({ norms, batchSizes, seeds }: SweepPlan): PlannedRun[] {
  return norms.flatMap((norm) => batchSizes.flatMap((batchSize) => seeds.map((seed) => ({ norm, batchSize, seed }))));
}

/** Equal for runs that come out equal. */
function keyOf({ model, images, epochs }: SweepPlan, { norm, batchSize, seed }: PlannedRun): string {
  return [model, images, epochs, norm, batchSize, seed].join(' ');
}

/**
 * The sweep of the page. Every run that has finished is kept under what it was made with: a setting that is changed and
 * changed back finds its runs again, and what is added to a sweep is all that is left to run.
 */
export function sweepState(config: ReadonlySignal<Config>, engine: ReadonlySignal<EngineState>, commands: Commands) {
  const finished = signal<ReadonlyMap<string, SweepResult>>(new Map());
  const activity = signal<SweepActivity>(IDLE);
  const plan = computed(() => planOf(config.value));
  const planned = computed(() => runsOf(plan.value));
  /** The finished runs of the present plan, in its order. */
  const results = computed(() => planned.value.flatMap((run) => finished.value.get(keyOf(plan.value, run)) ?? []));

  let id = 0;
  let runningPlan = plan.peek();
  let begunAt = 0;

  function start(note: string): void {
    id++;
    runningPlan = plan.peek();
    begunAt = performance.now();
    activity.value = { ...IDLE, phase: 'running', note };
    commands.start(
      id,
      runningPlan,
      results.peek().map(({ norm, batchSize, seed }) => ({ norm, batchSize, seed })),
    );
  }

  function stop(phase: SweepPhase): void {
    if (activity.peek().phase !== 'running') return;
    id++;
    commands.cancel();
    activity.value = { ...IDLE, phase };
  }

  const status = seldom(() => {
    const { phase } = activity.value;
    const parts = { activity: activity.value, plan: plan.value, total: planned.value.length, results: results.value };
    return engineSentence(engine.value, phase === 'running' ? 'The sweep' : '') ?? sweepSentence(parts);
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
    /** The worker is gone; the runs that have finished are not. */
    interrupt: () => stop('cancelled'),

    /** The plan has changed, and why. */
    replan(reason: string): void {
      if (activity.peek().phase !== 'running') activity.value = IDLE;
      else if (results.peek().length < planned.peek().length) start(reason);
      else stop('idle');
    },

    receive(event: SweepEvent): void {
      if (event.sweep !== id) return;
      switch (event.type) {
        case 'sweeping': {
          const share = event.totalSteps > 0 ? event.steps / event.totalSteps : 1;
          const seconds = (performance.now() - begunAt) / 1000;
          const secondsLeft = share >= TELLING_SHARE ? (seconds * (1 - share)) / share : null;
          activity.value = { ...activity.peek(), share, secondsLeft };
          break;
        }
        case 'swept':
          finished.value = new Map(finished.peek()).set(keyOf(runningPlan, event.result), event.result);
          break;
        case 'sweepEnded':
          activity.value = event.failure ? { ...IDLE, phase: 'failed', failure: event.failure } : IDLE;
          break;
      }
    },
  };
}

export type SweepModel = ReturnType<typeof sweepState>;
