import { type Core, createCore } from 'normlab/core';
import { isFatal, toFailure } from './failure';
import { Opened } from './opened';
import { Throughput } from './pace';
import type { Answer, Focus, Order, SessionApi, SessionEvent } from './protocol';
import { progressOf, rejectionOf } from './reports';
import type { Data, Run, TrainingEngine } from './run';
import { type ServiceName, Services } from './services';
import { deferred, nextTask } from './tasks';
import { nextInTurn } from './turns';

/** Work is done in portions of about this length, with the message queue served in between. */
const PORTION_MS = 20;
/** Least time between two progress events, whichever runs they are of. */
const PROGRESS_MS = 30;
/** Least time between two statistics events while training. */
const STATISTICS_MS = 250;

/** Engine, images and the runs under way, in turns. Knows nothing of the page. */
export class Session implements SessionApi {
  readonly #portionMs: number;
  #events: MessagePort | null = null;
  #engine: Core | null = null;
  /** What runs are made of, once it is here. */
  #ground: { engine: TrainingEngine; data: Data; Run: typeof Run } | null = null;
  #runs: Run[] = [];
  #orders: readonly Order[] = [];
  /** Why no run could be made of an order, by its number. */
  readonly #rejections = new Map<number, unknown>();
  #throughput = new Throughput();
  /** null: nobody looks at images and layers. */
  #focus: Focus | null = null;
  #looks: typeof import('./looks') | null = null;
  #pumping = false;
  #closed = false;
  #progressAt = new WeakMap<Run, number>();
  #statisticsAt = 0;
  /** What was asked for before engine and images were there: runs, and what to do with them. */
  #awaited: (() => void) | null = null;
  #awaitedCommand: 'play' | 'step' | null = null;
  readonly #opened = new Opened();
  #images: Promise<Data> | null = null;
  readonly #core = deferred<Core>();
  #services: Promise<Services> | null = null;
  #extended: Promise<void> | null = null;
  /** Whether the engine is a whole one, which reads and writes files and states. */
  #whole = false;

  constructor(portionMs = PORTION_MS) {
    this.#portionMs = portionMs;
  }

  async open(events: MessagePort): Promise<void> {
    this.#events = events;
    try {
      const engine = await createCore();
      if (this.#closed) return engine.dispose();
      this.#engine = engine;
      this.#core.resolve(engine);
      this.#emit({ type: 'engine', variant: engine.variant });
    } catch (error) {
      this.#die(error);
    }
  }

  /** Gives up all that it has. */
  close(): void {
    this.#closed = true;
    this.#events?.close();
    for (const run of this.#runs) run.dispose();
    this.#runs = [];
    this.#engine?.dispose();
    this.#core.reject(new Error('the session was closed'));
  }

  load(): void {
    this.#needImages();
  }

  /** Has the images fetched when they are first needed. */
  #needImages(): Promise<Data> {
    this.#images ??= this.#loadImages();
    // Whoever waits for them hears why there are none, and `dead` has told the page.
    this.#images.catch(() => {});
    return this.#images;
  }

  async #loadImages(): Promise<Data> {
    try {
      const { addTraining, images, Run } = await import('./training');
      const tell = (loaded: number | null) => this.#emit({ type: 'loading', loaded });
      const data = await images(tell, this.#core.promise);
      const engine = addTraining(await this.#core.promise);
      const { variant } = engine;
      this.#ground = { engine, data, Run };
      const { train, test, note = '' } = data;
      const classNames = [...(test.classNames ?? Array.from({ length: test.classes }, (_, k) => String(k)))];
      this.#emit({ type: 'loaded', variant, classNames, trainImages: train.length, testImages: test.length, note });
      this.#awaited?.();
      const command = this.#awaitedCommand;
      if (command) this[command]();
      return data;
    } catch (error) {
      this.#die(error);
      throw error;
    }
  }

  arrange(orders: Order[], focus: Focus | null, play: boolean): void {
    const lacks = orders.some(({ checkpoint }) => checkpoint) && !this.#whole;
    if (!this.#ground || lacks) {
      const again = () => this.arrange(orders, focus, play);
      this.#awaited = again;
      this.#needImages();
      if (lacks)
        this.#extend().then(
          () => this.#awaited === again && again(),
          (error) => this.#die(error),
        );
      return;
    }
    this.#awaited = null;
    const wanted = new Set(orders.map(({ run }) => run));
    const old = this.#runs;
    this.#orders = orders;
    this.#throughput = new Throughput();
    this.#rejections.clear();
    for (const run of old) if (!wanted.has(run.id)) run.dispose();
    this.#runs = old.filter(({ id }) => wanted.has(id));
    for (const order of orders) if (!this.#runs.some(({ id }) => id === order.run)) this.#begin(order, play);
    if (focus) this.focus(focus);
    this.#pump();
  }

  #begin({ run: id, config, checkpoint }: Order, play: boolean): void {
    if (!this.#ground) return;
    const { engine, Run } = this.#ground;
    let run: Run;
    try {
      const data = this.#opened.dataFor(config, this.#ground.data);
      run = new Run(id, config, engine, data, this.#opened.modelFor(config, data));
      if (checkpoint) run.resume(checkpoint);
    } catch (error) {
      if (isFatal(error)) {
        this.#die(error);
        return;
      }
      this.#rejections.set(id, error);
      this.#emit(rejectionOf(id, error));
      return;
    }
    this.#runs.push(run);
    const { stepsPerEpoch, parameters, layers } = run;
    this.#emit({ type: 'started', run: id, stepsPerEpoch, parameters, layers });
    if (play) run.phase = 'running';
    else run.beginEvaluation();
    this.#report(run);
  }

  setLearningRate(id: number, lr: number): void {
    const run = this.#runs.find((one) => one.id === id);
    if (run) run.learningRate = lr;
  }

  /** What looks into a run is fetched with the first focus, and tried again with the next where it could not be. */
  async focus(focus: Focus): Promise<void> {
    this.#focus = focus;
    this.#looks ??= await this.#fetchLooks().catch(() => null);
    for (const run of this.#runs) this.#guard(run, () => this.#reportFocus(run));
  }

  async #fetchLooks() {
    const [looks, engine] = await Promise.all([import('./looks'), this.#core.promise]);
    looks.addProbing(engine);
    return looks;
  }

  play(): void {
    if (!this.#ground) {
      this.#awaitedCommand = 'play';
      this.#needImages();
      return;
    }
    for (const run of this.#goingOn()) {
      run.phase = 'running';
      // Nobody waits for an evaluation that was made only because there was nothing else to do.
      run.evaluation = null;
      this.#report(run);
    }
    this.#pump();
  }

  pause(): void {
    this.#awaitedCommand = null;
    for (const run of this.#runs.filter(({ phase }) => phase === 'running')) {
      run.phase = 'paused';
      run.beginEvaluation();
      this.#report(run);
    }
    this.#pump();
  }

  step(): void {
    if (!this.#ground) {
      this.#awaitedCommand = 'step';
      this.#needImages();
      return;
    }
    for (const run of this.#goingOn()) {
      this.#guard(run, () => {
        run.phase = 'paused';
        run.evaluation = null;
        run.trainOnce();
        run.beginEvaluation();
        this.#report(run);
        this.#reportFocus(run);
      });
    }
    this.#pump();
  }

  /** The runs that can train, what has stopped them before forgotten; of orders that none could be made of, says so again. */
  #goingOn(): Run[] {
    for (const [id, error] of this.#rejections) this.#emit(rejectionOf(id, error));
    const runs = this.#runs.filter(({ phase }) => phase !== 'diverged');
    for (const run of runs) run.failure = undefined;
    return runs;
  }

  async ask(service: ServiceName, method: string, args: unknown[]): Promise<Answer> {
    try {
      this.#services ??= this.#makeServices();
      return { value: await (await this.#services).ask(service, method, args) };
    } catch (error) {
      if (isFatal(error)) this.#die(error);
      return { failure: toFailure(error) };
    }
  }

  async #makeServices(): Promise<Services> {
    try {
      const engine = await this.#core.promise;
      const runs = () => this.#runs;
      const images = () => this.#needImages();
      const first = () => this.#runs.find(({ id }) => id === this.#orders[0]?.run) ?? null;
      const context = {
        engine,
        get data() {
          return images();
        },
        opened: this.#opened,
        get run() {
          return first();
        },
        get runs() {
          return runs();
        },
      };
      return new Services(context, () => this.#extend());
    } catch (error) {
      this.#services = null;
      throw error;
    }
  }

  /** What the engine does beyond training is fetched when it is first needed. */
  #extend(): Promise<void> {
    this.#extended ??= (async () => {
      try {
        const { extendEngine } = await import('normlab/extend');
        extendEngine(await this.#core.promise);
        this.#whole = true;
      } catch (error) {
        this.#extended = null;
        throw error;
      }
    })();
    return this.#extended;
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#work()) await nextTask();
    this.#pumping = false;
  }

  /** Does one portion of what is due; false when nothing is. */
  #work(): boolean {
    const run = nextInTurn(this.#runs);
    if (run) this.#guard(run, () => (run.evaluation ? this.#evaluate(run) : this.#train(run)));
    return run !== null;
  }

  #train(run: Run): void {
    const [begun, seen] = [performance.now(), run.imagesSeen];
    if (run.train(this.#portionMs)) run.beginEvaluation();
    const now = performance.now();
    this.#throughput.record(run.imagesSeen - seen, now - begun);
    const wait = PROGRESS_MS * this.#runs.length;
    if (run.evaluation || now - (this.#progressAt.get(run) ?? 0) >= wait) this.#report(run);
    if (now - this.#statisticsAt >= STATISTICS_MS) this.#reportStatistics(run);
  }

  #evaluate(run: Run): void {
    if (!run.evaluation?.advance(this.#portionMs)) return;
    const { result } = run.evaluation;
    run.evaluation = null;
    this.#emit({ type: 'evaluated', run: run.id, step: run.step, ...result });
    this.#report(run);
    this.#reportFocus(run);
  }

  /** Runs a portion; what it throws ends the training, and after a trap the engine. */
  #guard(run: Run, portion: () => void): void {
    try {
      portion();
    } catch (error) {
      if (isFatal(error)) {
        this.#die(error);
        return;
      }
      run.phase = 'failed';
      run.failure = toFailure(error);
      run.evaluation = null;
      this.#report(run);
    }
  }

  #report(run: Run): void {
    this.#progressAt.set(run, performance.now());
    this.#emit(...progressOf(run, this.#throughput.perSecond));
  }

  /** What is shown of single images and layers, if this is the run that it is shown of. */
  #reportFocus(run: Run): void {
    this.#reportStatistics(run);
    if (!this.#looks || run.id !== this.#focus?.run) return;
    const images = this.#looks.imagesOf(run, this.#focus);
    if (images) this.#emit(...images);
  }

  #reportStatistics(run: Run): void {
    if (!this.#looks || run.id !== this.#focus?.run) return;
    this.#statisticsAt = performance.now();
    const statistics = this.#looks.statisticsOf(run, this.#focus);
    if (statistics) this.#emit(statistics);
  }

  #die(error: unknown): void {
    if (this.#closed) return;
    this.#runs = [];
    this.#core.reject(error);
    this.#emit({ type: 'dead', failure: toFailure(error) });
  }

  #emit(event: SessionEvent, transfer: ArrayBufferLike[] = []): void {
    this.#events?.postMessage(event, transfer as ArrayBuffer[]);
  }
}
