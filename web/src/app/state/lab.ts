import { createModel, effect, signal, untracked } from '@preact/signals';
import type { ChannelStatistics, Failure, Focus, LayerInfo, RunPhase, SessionEvent } from '../../worker/protocol';
import type { Arguments, Method, Result, ServiceName } from '../../worker/services';
import { readHash, writeHash } from '../hash';
import { type Config, format, type Setting, settingKeys, settings } from '../settings';
import { GRID_IMAGES } from '../settings/train';
import { type Client, connect, Refusal } from './client';
import { remedy } from './explain';
import { RunHistory } from './history';
import { seldom } from './seldom';
import { statusSentence, toldChanges } from './status';

export type EngineState =
  | { phase: 'loading'; loaded: number | null }
  | {
      phase: 'ready';
      variant: string;
      classNames: string[];
      trainImages: number;
      testImages: number;
    }
  | { phase: 'dead'; failure: Failure }
  | { phase: 'unsupported'; failure: Failure };

export interface Progress {
  phase: RunPhase;
  step: number;
  epoch: number;
  imagesPerSecond: number;
  evaluating: boolean;
  failure?: Failure | undefined;
}

export interface RunInfo {
  stepsPerEpoch: number;
  parameters: number;
  layers: LayerInfo[];
}

export type EvaluationResult = Omit<Extract<SessionEvent, { type: 'evaluated' }>, 'type' | 'run'>;
export type ImagesResult = Omit<Extract<SessionEvent, { type: 'images' }>, 'type' | 'run'>;
export interface LayerStatistics {
  layer: string;
  step: number;
  channels: ChannelStatistics;
}

/** Told which settings have changed, and the configuration that they make. */
export type ConfigListener = (changed: readonly (keyof Config)[], next: Config) => void;

/** A worker that has said nothing for so long after a command may never do so again. */
const SILENCE_MS = 10_000;

const START: Progress = { phase: 'ready', step: 0, epoch: 1, imagesPerSecond: 0, evaluating: false };
const TEST_IMAGES = 2000;

/** The state of the page. Everything is readable by everyone; only the actions write. */
export const Lab = createModel(() => {
  const initial = readHash(location.hash);
  const config = signal<Config>(initial.config);
  const problems = signal(initial.problems);
  const engine = signal<EngineState>({ phase: 'loading', loaded: null });
  const run = signal<RunInfo | null>(null);
  const progress = signal<Progress>(START);
  /** Play, Step or Pause was pressed and the worker has not answered yet. */
  const asked = signal<'play' | 'step' | 'pause' | null>(null);
  /** Why the run started over. */
  const note = signal('');
  const silent = signal(false);
  /** How often a worker has been started. */
  const opened = signal(0);
  const evaluation = signal<EvaluationResult | null>(null);
  const statistics = signal<LayerStatistics | null>(null);
  const images = signal<ImagesResult | null>(null);
  const history = signal(new RunHistory(initial.config.batch));
  /** Changes whenever there is something new in the history. */
  const revision = signal(0);

  let client: Client | null = null;
  const listeners = new Set<ConfigListener>();
  const tabs = new Map<string, unknown>();
  let runId = 0;
  let startedId = 0;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let unwritten: ReturnType<typeof setTimeout> | undefined;

  function open(): void {
    client?.terminate();
    client = null;
    engine.value = { phase: 'loading', loaded: null };
    try {
      client = connect(receive, die);
    } catch (error) {
      engine.value = {
        phase: 'unsupported',
        failure: { name: 'WorkerError', code: 'unsupported', message: error instanceof Error ? error.message : '' },
      };
      return;
    }
    opened.value++;
    start('', false);
  }

  function start(reason: string, play: boolean): void {
    runId++;
    progress.value = START;
    asked.value = play ? 'play' : null;
    note.value = reason;
    evaluation.value = null;
    images.value = null;
    statistics.value = null;
    history.value = new RunHistory(config.peek().batch);
    revision.value++;
    listen();
    client?.session.start(runId, { ...config.peek() }, focus(), play);
  }

  function focus(): Focus {
    const first = config.peek().images * GRID_IMAGES;
    return { layer: config.peek().layer, first, count: Math.min(GRID_IMAGES, TEST_IMAGES - first) };
  }

  function command(name: 'play' | 'step' | 'pause'): void {
    asked.value = name;
    note.value = '';
    listen();
    client?.session[name]();
  }

  /** From here on the worker is expected to say something. */
  function listen(): void {
    clearTimeout(silence);
    silence = setTimeout(() => {
      silent.value = engine.peek().phase === 'ready';
    }, SILENCE_MS);
  }

  function die(failure: Failure): void {
    clearTimeout(silence);
    client?.terminate();
    silent.value = false;
    engine.value = { phase: 'dead', failure };
  }

  function receive(event: SessionEvent): void {
    clearTimeout(silence);
    silent.value = false;
    if ('run' in event && event.run !== runId) return;
    switch (event.type) {
      case 'loading':
        engine.value = { phase: 'loading', loaded: event.loaded };
        break;
      case 'loaded': {
        const { type: _, ...loaded } = event;
        engine.value = { phase: 'ready', ...loaded };
        break;
      }
      case 'dead':
        die(event.failure);
        break;
      case 'started': {
        const { stepsPerEpoch, parameters, layers } = event;
        run.value = { stepsPerEpoch, parameters, layers };
        startedId = event.run;
        break;
      }
      case 'progress': {
        const { phase, step, epoch, imagesPerSecond, evaluating, failure } = event;
        progress.value = { phase, step, epoch, imagesPerSecond, evaluating, failure };
        asked.value = null;
        // No run could be made: what is known of the one before does not describe it.
        if (startedId !== runId) run.value = null;
        if (event.losses.length > 0) {
          history.peek().pushSteps(step, event.losses, event.accuracies);
          revision.value++;
        }
        break;
      }
      case 'evaluated':
        evaluation.value = { step: event.step, eval: event.eval, train: event.train };
        history.peek().pushEvaluation(event.step, event.eval, event.train);
        revision.value++;
        break;
      case 'statistics':
        statistics.value = { layer: event.layer, step: event.step, channels: event.channels };
        break;
      case 'images':
        images.value = event;
        break;
    }
  }

  /** Takes over a configuration, and does what its differences from the present one demand. */
  function apply(next: Config): void {
    const previous = config.peek();
    const changed = settingKeys.filter(
      (key) => format(settings[key], next[key]) !== format(settings[key], previous[key]),
    );
    if (changed.length === 0) return;
    config.value = next;
    const withEffect = (effect: Setting['effect']) => changed.filter((key) => settings[key].effect === effect);
    const restarting = withEffect('restart');
    if (restarting.length > 0) {
      start(
        toldChanges(restarting, 'is now', next),
        asked.peek() === 'play' || (progress.peek().phase === 'running' && asked.peek() === null),
      );
    } else {
      if (changed.includes('lr')) client?.session.setLearningRate(next.lr);
      if (changed.includes('layer') || changed.includes('images')) client?.session.focus(focus());
    }
    for (const listener of listeners) listener(changed, next);
  }

  function readLocation(): void {
    if (location.hash === writeHash(config.peek())) return;
    const reading = readHash(location.hash);
    problems.value = reading.problems;
    apply(reading.config);
    writeLocation();
  }

  function writeLocation(): void {
    const hash = writeHash(config.peek());
    clearTimeout(unwritten);
    if (location.hash === hash) return;
    try {
      window.history.replaceState(null, '', hash);
    } catch {
      // Firefox throws where Chromium does nothing.
    }
    // Browsers let a page change its address about 20 times a second; a slider that is dragged can ask for more.
    if (location.hash !== hash) unwritten = setTimeout(writeLocation, 1000);
  }

  effect(() => {
    config.value;
    writeLocation();
  });
  effect(() => {
    window.addEventListener('hashchange', readLocation);
    return () => window.removeEventListener('hashchange', readLocation);
  });

  const status = seldom(() =>
    statusSentence({
      engine: engine.value,
      progress: progress.value,
      asked: asked.value,
      note: note.value,
      run: run.value,
      config: config.value,
    }),
  );

  return {
    config,
    problems,
    engine,
    run,
    progress,
    silent,
    opened,
    evaluation,
    statistics,
    images,
    history,
    revision,
    status,

    /** Loads the engine; again after it has died. The run that was under way is lost with it. */
    open,
    play: () => command('play'),
    pause: () => command('pause'),
    step: () => command('step'),
    reset: () => start('', false),
    /** Calls a method of a service of the worker. Rejects with a Refusal. */
    ask<S extends ServiceName, M extends Method<S>>(
      service: S,
      method: M,
      ...args: Arguments<S, M>
    ): Promise<Result<S, M>> {
      const gone = { name: 'WorkerError', code: 'worker', message: 'the worker is gone' };
      return client ? client.ask(service, method, args) : Promise.reject(new Refusal(gone));
    },
    /** Calls the listener after each change of the configuration. */
    onChange: (listener: ConfigListener) => listeners.add(listener),
    /** The state of a tab, made when the tab is first opened and kept from then on. */
    tab<T>(name: string, make: () => T): T {
      if (!tabs.has(name)) tabs.set(name, untracked(make));
      return tabs.get(name) as T;
    },
    /** Changes one setting to a value that its table entry allows. */
    set<K extends keyof Config>(key: K, value: Config[K]) {
      apply({ ...config.peek(), [key]: value });
    },
    dismissProblems() {
      problems.value = [];
    },
  };
});

export type LabModel = InstanceType<typeof Lab>;

/** What the reader can do about a failure; empty where that is nothing. */
export function advice(lab: LabModel, failure: Failure | undefined): string {
  const engine = lab.engine.value;
  return failure && engine.phase === 'ready' ? remedy(failure, lab.config.value.batch, engine.trainImages) : '';
}
