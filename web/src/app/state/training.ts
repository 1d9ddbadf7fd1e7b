import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type {
  ChannelStatistics,
  Failure,
  Focus,
  LayerInfo,
  Order,
  RunConfig,
  RunPhase,
  SessionEvent,
} from '../../worker/protocol';
import type { Checkpoint } from '../../worker/services/page';
import { type Config, defaults } from '../settings';
import { GRID_IMAGES } from '../settings/train';
import { armConfigs, chosenArm, runChanges, runConfig } from './arms';
import type { Client } from './client';
import { RunHistory } from './history';
import { LookHistory } from './looks';

export interface Progress {
  phase: RunPhase;
  step: number;
  epoch: number;
  imagesPerSecond: number;
  allPerSecond: number;
  evaluating: boolean;
  failure?: Failure | undefined;
}

export interface RunInfo {
  stepsPerEpoch: number;
  parameters: number;
  layers: LayerInfo[];
}

type Of<T extends SessionEvent['type']> = Omit<Extract<SessionEvent, { type: T }>, 'type' | 'run'>;
export type EvaluationResult = Of<'evaluated'>;
export type ImagesResult = Of<'images'>;
export interface LayerStatistics {
  layer: string;
  step: number;
  channels: ChannelStatistics;
}

/** An event that is about a run. */
export type RunEvent = Extract<SessionEvent, { run: number }>;

const START: Progress = {
  phase: 'ready',
  step: 0,
  epoch: 1,
  imagesPerSecond: 0,
  allPerSecond: 0,
  evaluating: false,
};
const TEST_IMAGES = 2000;
/** Least time between two drawings of the curves while training. */
const DRAWING_MS = 80;

/** One run, seen from the page. Another run is another Arm. */
export class Arm {
  readonly config: Signal<RunConfig>;
  /** Until the worker has told, that of the arm in whose place this one came. */
  readonly run: Signal<RunInfo | null>;
  readonly progress: Signal<Progress> = signal(START);
  readonly evaluation: Signal<EvaluationResult | null> = signal(null);
  readonly statistics: Signal<LayerStatistics | null> = signal(null);
  readonly images: Signal<ImagesResult | null> = signal(null);
  readonly history: RunHistory;
  readonly looks = new LookHistory();
  started = false;

  constructor(
    /** Carried by the events of the run. */
    readonly id: number,
    config: RunConfig,
    run: RunInfo | null,
  ) {
    this.config = signal(config);
    this.run = signal(run);
    this.history = new RunHistory(config.batch);
  }

  get imagesSeen(): number {
    return this.progress.value.step * this.config.value.batch;
  }
}

export interface Training {
  readonly arms: ReadonlySignal<readonly Arm[]>;
  /** The one whose settings, images and layers are shown. */
  readonly chosen: ReadonlySignal<Arm>;
  /** Of arm A; running as long as any arm is. */
  readonly progress: ReadonlySignal<Progress>;
  /** Play, Step or Pause was pressed and the worker has not answered yet. */
  readonly asked: Signal<'play' | 'step' | 'pause' | null>;
  /** Why runs started over. */
  readonly note: Signal<string>;
  /** Changes whenever there is something new in the histories. */
  readonly revision: ReadonlySignal<number>;
  /**
   * Makes the arms those of the configuration. Runs that it still describes go on, unless all are to be `fresh`. True where
   * that makes other arms.
   */
  arrange(reason: string, play: boolean, fresh: boolean): boolean;
  /** Has a new worker go on with the arms there are, from these places; what they did beyond they do again. */
  resume(kept: readonly Checkpoint[]): void;
  /** Whether training is under way, or will be as soon as the worker hears of it. */
  playing(): boolean;
  receive(event: RunEvent): void;
  /** Tells the worker what is shown. */
  refocus(): void;
  /** From here on single images and layers are shown. */
  look(): void;
}

/** The arms and what is asked of them. `session` is the worker's, as long as there is one. */
export function createTraining(config: ReadonlySignal<Config>, session: () => Client['session'] | undefined): Training {
  const arms = signal<readonly Arm[]>([new Arm(0, runConfig(defaults), null)]);
  const chosen = computed(() => arms.value[Math.min(chosenArm(config.value), arms.value.length - 1)] as Arm);
  const progress = computed<Progress>(() => {
    const own = (arms.value[0] as Arm).progress.value;
    const running = arms.value.some((arm) => arm.progress.value.phase === 'running');
    return running ? { ...own, phase: 'running' } : own;
  });
  const asked = signal<'play' | 'step' | 'pause' | null>(null);
  const note = signal('');
  const revision = signal(0);
  let looking = false;
  let lastId = 0;
  let drawnAt = 0;
  let drawing: ReturnType<typeof setTimeout> | undefined;

  function redraw(): void {
    clearTimeout(drawing);
    const wait = progress.peek().phase === 'running' ? drawnAt + DRAWING_MS - performance.now() : 0;
    const draw = () => {
      drawnAt = performance.now();
      revision.value++;
    };
    if (wait > 0) drawing = setTimeout(draw, wait);
    else draw();
  }

  function focus(): Focus | null {
    if (!looking) return null;
    const { layer, images } = config.peek();
    const first = images * GRID_IMAGES;
    return { run: chosen.peek().id, layer, first, count: Math.min(GRID_IMAGES, TEST_IMAGES - first) };
  }

  function refocus(): void {
    const now = focus();
    if (now) session()?.focus(now);
  }

  function arrange(reason: string, play: boolean, fresh: boolean): boolean {
    const wanted = armConfigs(config.peek()).map(runConfig);
    const old = arms.peek();
    const free = new Set(fresh ? [] : old);
    const claim = (candidates: readonly (Arm | undefined)[], fits: (arm: Arm) => boolean) => {
      const found = candidates.find((arm) => arm && free.has(arm) && fits(arm));
      if (found) free.delete(found);
      return found;
    };
    const same = wanted.map((one, i) =>
      claim([old[i], ...old], (arm) => runChanges(arm.config.peek(), one).length === 0),
    );
    const next = wanted.map((one, i) => {
      const kept = same[i] ?? claim([old[i]], (arm) => runChanges(arm.config.peek(), one).join() === 'lr');
      if (kept && !same[i]) {
        kept.config.value = one;
        session()?.setLearningRate(kept.id, one.lr);
      }
      return kept ?? new Arm(++lastId, one, old[i]?.run.peek() ?? null);
    });
    if (next.length === old.length && next.every((arm, i) => arm === old[i])) return false;
    const beginning = next.some((arm) => !old.includes(arm));
    batch(() => {
      arms.value = next;
      if (beginning) {
        asked.value = play ? 'play' : null;
        note.value = reason;
      }
      redraw();
    });
    const orders: Order[] = next.map((arm) => ({ run: arm.id, config: arm.config.peek() }));
    session()?.arrange(orders, focus(), play);
    return true;
  }

  function resume(kept: readonly Checkpoint[]): void {
    asked.value = 'play';
    const bytesOf = (id: number) => kept.find(({ run }) => run === id)?.bytes;
    const orders = arms.peek().map((arm) => ({
      run: arm.id,
      config: arm.config.peek(),
      checkpoint: bytesOf(arm.id),
    }));
    session()?.arrange(orders, focus(), true);
  }

  function playing(): boolean {
    return asked.peek() === 'play' || (progress.peek().phase === 'running' && asked.peek() === null);
  }

  function receive(event: RunEvent): void {
    const arm = arms.peek().find(({ id }) => id === event.run);
    if (!arm) return;
    switch (event.type) {
      case 'started':
        arm.run.value = event;
        arm.started = true;
        break;
      case 'progress':
        batch(() => progressed(arm, event));
        break;
      case 'evaluated':
        arm.evaluation.value = event;
        arm.history.pushEvaluation(event.step, event.eval, event.train);
        redraw();
        break;
      case 'statistics':
        arm.statistics.value = event;
        break;
      case 'images':
        arm.images.value = event;
        break;
    }
  }

  function progressed(arm: Arm, { losses, accuracies, ...figures }: Extract<RunEvent, { type: 'progress' }>): void {
    arm.progress.value = figures;
    asked.value = null;
    // No run could be made: what is known of the one before does not describe it.
    if (!arm.started) arm.run.value = null;
    if (losses.length === 0) return;
    arm.history.pushSteps(figures.step, losses, accuracies);
    redraw();
  }

  effect(() => () => clearTimeout(drawing));

  return {
    arms,
    chosen,
    progress,
    asked,
    note,
    revision,
    arrange,
    resume,
    playing,
    receive,
    refocus,
    look() {
      if (looking) return;
      looking = true;
      refocus();
    },
  };
}
