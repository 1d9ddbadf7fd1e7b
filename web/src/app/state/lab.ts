import { computed, createModel, effect, type ReadonlySignal, signal, untracked } from '@preact/signals';
import type { Failure, SessionEvent } from '../../worker/protocol';
import type { Arguments, Method, Result, ServiceName } from '../../worker/services';
import type { Checkpoint } from '../../worker/services/page';
import { readHash, writeHash } from '../hash';
import { type Config, format, settingKeys, settings } from '../settings';
import { armConfigs, choosing, chosenArm, withArm, withoutArm, withSetting } from './arms';
import { createCheckpoints } from './checkpoints';
import { type Client, Refusal } from './client';
import { explainDivergence, remedy } from './explain';
import { foundIn, hasOpened, heldBack, withoutStaleWeights } from './files';
import { seldom } from './seldom';
import { statusSentence } from './status';
import type { Surroundings } from './surroundings';
import { type Arm, createTraining } from './training';
import { toldStart } from './training-status';

export type { EvaluationResult, ImagesResult, LayerStatistics, Progress, RunInfo } from './training';

export interface DataInfo {
  classNames: string[];
  trainImages: number;
  testImages: number;
  note?: string;
}

export type EngineState =
  | { phase: 'loading'; loaded: number | null }
  | ({ phase: 'ready'; variant: string } & DataInfo)
  | { phase: 'dead'; failure: Failure };

/** Told which settings have changed, and the configuration that they make. */
export type ConfigListener = (changed: readonly (keyof Config)[], next: Config) => void;

/** What fields show and change. */
export interface Form {
  readonly config: ReadonlySignal<Config>;
  set<K extends keyof Config>(key: K, value: Config[K]): void;
}

/** A worker that has said nothing for so long after a command may never do so again. */
const SILENCE_MS = 10_000;

/** What decides which images and layers are shown. */
const SHOWN = ['arm', 'layer', 'images'] as const;

/** What owns the effects that are made by `make`. */
const Scope = createModel((make: () => void) => {
  make();
  return {};
});

/** The state of the page. Everything is readable by everyone; only the actions write. */
export const Lab = createModel(({ address, theme, connect, frugal }: Surroundings) => {
  const initial = heldBack(readHash(address.read()));
  const config = signal<Config>(initial.config);
  const problems = signal(initial.problems);
  const engine = signal<EngineState>({ phase: 'loading', loaded: null });
  const silent = signal(false);
  /** How often a worker has been started. */
  const opened = signal(0);

  /** Which module the engine is. */
  const variant = signal<string | null>(null);

  let client: Client | null = null;
  /** Whether the runs of the configuration are those of the session. */
  let begun = !frugal;
  const listeners = new Set<ConfigListener>();
  const tabs = new Map<string, { state: unknown; scope: InstanceType<typeof Scope> }>();
  let silence: ReturnType<typeof setTimeout> | undefined;
  const training = createTraining(config, () => client?.session);
  /** The settings of the chosen arm. */
  const form: Form = {
    config: computed(() => armConfigs(config.value)[chosenArm(config.value)] as Config),
    set(key, value) {
      apply(withSetting(config.peek(), chosenArm(config.peek()), key, value));
    },
  };
  /** What is known of the images that are trained on; null before they are there. */
  const data = computed<DataInfo | null>(() => {
    const found = foundIn(config.value.data);
    if (found?.kind === 'data') return found;
    return engine.value.phase === 'ready' ? engine.value : null;
  });
  const checkpoints = createCheckpoints(engine, training, ask);

  /** With checkpoints the runs that were under way go on in the new worker, with the curves that they have. */
  function open(kept: readonly Checkpoint[] = []): void {
    close();
    engine.value = { phase: 'loading', loaded: null };
    client = connect(receive, die);
    opened.value++;
    if (hasOpened()) reopen(client, kept);
    else begin(kept);
  }

  function close(): void {
    clearTimeout(silence);
    client?.end(silent.peek());
    client = null;
    silent.value = false;
  }

  /** What was opened from files died with the worker before. */
  async function reopen(own: Client, kept: readonly Checkpoint[]): Promise<void> {
    const { openAgain } = await import('./open-files');
    await openAgain({ ask });
    if (client !== own) return;
    const held = heldBack({ config: config.peek(), problems: problems.peek() });
    problems.value = held.problems;
    config.value = held.config;
    begin(kept);
  }

  /** Begins all runs, anew or where they are known. Being frugal, only a view that shows them has them made. */
  function begin(kept: readonly Checkpoint[]): void {
    const { view } = config.peek();
    begun = !frugal || view === 'train';
    if (!begun) {
      if (view !== 'lens') client?.session.load();
      return;
    }
    listen();
    if (kept.length > 0) training.resume(kept);
    else training.arrange('', false, true);
  }

  function command(name: 'play' | 'step' | 'pause'): void {
    training.asked.value = name;
    training.note.value = '';
    listen();
    client?.session[name]();
  }

  /** Calls a method of a service of the worker. Rejects with a Refusal. */
  function ask<S extends ServiceName, M extends Method<S>>(
    service: S,
    method: M,
    ...args: Arguments<S, M>
  ): Promise<Result<S, M>> {
    const gone = { name: 'WorkerError', code: 'worker', message: 'the worker is gone' };
    return client ? client.ask(service, method, args) : Promise.reject(new Refusal(gone));
  }

  /** From here on the worker is expected to say something. */
  function listen(): void {
    clearTimeout(silence);
    silence = setTimeout(() => {
      silent.value = engine.peek().phase === 'ready';
    }, SILENCE_MS);
  }

  function die(failure: Failure): void {
    close();
    engine.value = { phase: 'dead', failure };
  }

  function receive(event: SessionEvent): void {
    clearTimeout(silence);
    silent.value = false;
    switch (event.type) {
      case 'engine':
        variant.value = event.variant;
        break;
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
      default:
        training.receive(event);
    }
  }

  function changes(next: Config): (keyof Config)[] {
    const previous = config.peek();
    return settingKeys.filter((key) => format(settings[key], next[key]) !== format(settings[key], previous[key]));
  }

  /** Takes over a configuration, and does what its differences from the present one demand. */
  function apply(wanted: Config): void {
    const next = withoutStaleWeights(wanted, changes(wanted));
    const changed = changes(next);
    if (changed.length === 0) return;
    const previous = config.peek();
    config.value = next;
    const playing = training.playing();
    if (!begun) begin([]);
    else if (training.arrange(toldStart(previous, next), playing, false)) listen();
    else if (SHOWN.some((key) => changed.includes(key))) training.refocus();
    for (const listener of listeners) listener(changed, next);
  }

  /** Takes over what a link says, of which a lab has but one: what cannot be read of it is told. */
  function read(hash: string): void {
    if (hash === writeHash(config.peek())) return;
    const reading = heldBack(readHash(hash));
    problems.value = reading.problems;
    apply(reading.config);
    address.write(writeHash(config.peek()));
  }

  effect(() => () => {
    for (const { scope } of tabs.values()) scope[Symbol.dispose]();
  });
  effect(() => address.write(writeHash(config.value)));
  effect(() => address.listen(() => read(address.read())));

  const status = seldom(() =>
    statusSentence({
      engine: engine.value,
      config: config.value,
      asked: training.asked.value,
      note: training.note.value,
      arms: training.arms.value.map(({ progress, run }) => ({ progress: progress.value, run: run.value })),
    }),
  );

  return {
    config,
    problems,
    /** That charts and cells are drawn in. */
    theme,
    engine,
    variant,
    silent,
    opened,
    status,
    data,
    /** The runs, arm A's first. */
    arms: training.arms,
    chosen: training.chosen,
    progress: training.progress,
    revision: training.revision,
    look: training.look,
    form,
    addArm: () => apply(withArm(config.peek())),
    removeArm: () => apply(withoutArm(config.peek())),
    chooseArm: (index: number) => apply(choosing(config.peek(), index)),

    /** What can be gone on with if the worker dies. */
    resumable: checkpoints,
    /** Takes over the state that a link carries. */
    read,
    /** Loads the engine; again after it has died. The run that was under way is lost with it, but for a checkpoint. */
    open,
    play: () => command('play'),
    pause: () => command('pause'),
    step: () => command('step'),
    reset: () => begin([]),
    /** Ends the session; `open` begins another. */
    close,
    ask,
    /** Calls the listener after each change of the configuration. */
    onChange: (listener: ConfigListener) => listeners.add(listener),
    /** The state of a tab, made when the tab is first opened and kept from then on. */
    tab<T>(name: string, make: () => T): T {
      let tab = tabs.get(name);
      if (!tab) {
        let state: unknown;
        const scope = untracked(() => new Scope(() => (state = make())));
        tab = { state, scope };
        tabs.set(name, tab);
      }
      return tab.state as T;
    },
    /** Changes settings to values that their table entries allow. */
    apply,
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

/** What the reader can do about a failure of an arm; empty where that is nothing. */
export function advice(lab: LabModel, failure: Failure | undefined, arm: Arm = lab.chosen.value): string {
  const data = lab.data.value;
  if (failure?.code === 'diverged') return explainDivergence(arm.config.value, arm.history.loss.values);
  return failure && data ? remedy(failure, arm.config.value.batch, data.trainImages) : '';
}
