import { type Core, createCore, loadFashionMnist } from 'normlab/core';
import { isFatal, toFailure } from './failure';
import { channelStatistics, greyPixels, normLayer, predictImages } from './probes';
import type { Answer, Focus, RunConfig, SessionApi, SessionEvent } from './protocol';
import { type Data, Run } from './run';
import { type ServiceName, Services } from './services';

/** Work is done in portions of about this length, with the message queue served in between. */
const PORTION_MS = 20;
/** Least time between two progress events. */
const PROGRESS_MS = 30;
/** Least time between two statistics events while training. */
const STATISTICS_MS = 250;

type Listener = (event: SessionEvent) => void;
type Send = (listener: Listener, event: SessionEvent, transfer: ArrayBufferLike[]) => void;

/** Engine, images and the one run under way. Knows neither the page nor how messages travel. */
export class Session implements SessionApi {
  readonly #send: Send;
  #listener: Listener = () => {};
  #engine: Core | null = null;
  #data: Data | null = null;
  #run: Run | null = null;
  #focus: Focus = { layer: '', first: 0, count: 0 };
  #pumping = false;
  #progressAt = 0;
  #statisticsAt = 0;
  /** Says again why no run could be made of the configuration. */
  #rejection: (() => void) | null = null;
  /** What was asked for before engine and images were there: a run, and what to do with it. */
  #awaited: (() => void) | null = null;
  #awaitedCommand: 'play' | 'step' | null = null;
  readonly #loadedData = deferred<Data>();
  readonly #core = deferred<Core>();
  #services: Promise<Services> | null = null;

  constructor(send: Send) {
    this.#send = send;
  }

  async open(listener: Listener): Promise<void> {
    this.#listener = listener;
    try {
      const engine = await createCore();
      this.#core.resolve(engine);
      const data = await loadFashionMnist(({ loaded, total }) =>
        this.#emit({ type: 'loading', loaded: total ? loaded / total : null }),
      );
      this.#engine = engine;
      this.#data = data;
      this.#loadedData.resolve(data);
      this.#emit({
        type: 'loaded',
        variant: engine.variant,
        classNames: [...(data.test.classNames ?? Array.from({ length: data.test.classes }, (_, k) => String(k)))],
        trainImages: data.train.length,
        testImages: data.test.length,
      });
    } catch (error) {
      this.#die(error);
      return;
    }
    this.#awaited?.();
    const command = this.#awaitedCommand;
    if (command) this[command]();
  }

  start(id: number, config: RunConfig, focus: Focus, play: boolean): void {
    if (!this.#engine || !this.#data) {
      this.#awaited = () => this.start(id, config, focus, play);
      return;
    }
    this.#focus = focus;
    try {
      this.#run?.dispose();
      this.#run = null;
      this.#rejection = null;
      const run = new Run(id, config, this.#engine, this.#data);
      this.#run = run;
      const { stepsPerEpoch, parameters, layers } = run;
      this.#emit({ type: 'started', run: id, stepsPerEpoch, parameters, layers });
      if (play) run.phase = 'running';
      else run.beginEvaluation();
      this.#report(run);
      this.#reportFocus(run);
    } catch (error) {
      if (isFatal(error)) this.#die(error);
      else {
        this.#rejection = () => this.#reject(id, error);
        this.#rejection();
      }
      return;
    }
    this.#pump();
  }

  setLearningRate(lr: number): void {
    if (this.#run) this.#run.learningRate = lr;
  }

  focus(focus: Focus): void {
    this.#focus = focus;
    const run = this.#run;
    if (run) this.#guard(run, () => this.#reportFocus(run));
  }

  play(): void {
    if (!this.#data) {
      this.#awaitedCommand = 'play';
      return;
    }
    const run = this.#run;
    if (!run) this.#rejection?.();
    if (!run || run.phase === 'diverged') return;
    run.phase = 'running';
    run.failure = undefined;
    // Nobody waits for an evaluation that was made only because there was nothing else to do.
    run.evaluation = null;
    this.#report(run);
    this.#pump();
  }

  pause(): void {
    this.#awaitedCommand = null;
    const run = this.#run;
    if (run?.phase !== 'running') return;
    run.phase = 'paused';
    run.beginEvaluation();
    this.#report(run);
    this.#pump();
  }

  step(): void {
    if (!this.#data) {
      this.#awaitedCommand = 'step';
      return;
    }
    const run = this.#run;
    if (!run) this.#rejection?.();
    if (!run || run.phase === 'diverged') return;
    this.#guard(run, () => {
      run.phase = 'paused';
      run.failure = undefined;
      run.evaluation = null;
      run.trainOnce();
      run.beginEvaluation();
      this.#report(run);
      this.#reportFocus(run);
    });
    this.#pump();
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

  /** What services use beyond training is fetched when one is first asked. */
  async #makeServices(): Promise<Services> {
    try {
      const [core, { extendEngine }] = await Promise.all([this.#core.promise, import('normlab/extend')]);
      const currentRun = () => this.#run;
      return new Services({
        engine: extendEngine(core),
        data: this.#loadedData.promise,
        get run() {
          return currentRun();
        },
      });
    } catch (error) {
      this.#services = null;
      throw error;
    }
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#work()) await nextTask();
    this.#pumping = false;
  }

  /** Does one portion of what is due; false when nothing is. */
  #work(): boolean {
    const run = this.#run;
    if (!run) return false;
    if (run.evaluation) this.#guard(run, () => this.#evaluate(run));
    else if (run.phase === 'running') this.#guard(run, () => this.#train(run));
    else return false;
    return true;
  }

  #train(run: Run): void {
    if (run.train(PORTION_MS)) run.beginEvaluation();
    const now = performance.now();
    if (run.evaluation || now - this.#progressAt >= PROGRESS_MS) this.#report(run);
    if (now - this.#statisticsAt >= STATISTICS_MS) this.#reportStatistics(run);
  }

  #evaluate(run: Run): void {
    if (!run.evaluation?.advance(PORTION_MS)) return;
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
        this.#run = null;
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
    this.#progressAt = performance.now();
    const { phase, step, epoch, imagesPerSecond, failure } = run;
    const { losses, accuracies } = run.takeHistory();
    const evaluating = run.evaluation !== null;
    this.#emit(
      { type: 'progress', run: run.id, phase, step, epoch, imagesPerSecond, evaluating, losses, accuracies, failure },
      [losses.buffer, accuracies.buffer],
    );
  }

  #reportFocus(run: Run): void {
    this.#reportStatistics(run);
    const { test } = run.data;
    const { first, count } = this.#focus;
    const end = Math.min(test.length, first + count);
    if (end <= first) return;
    const [, height = 1, width = 1] = test.shape;
    const pixels = greyPixels(test, first, end - first);
    const labels = [...test.labels.subarray(first, end)];
    const found = predictImages(run.model, test, first, end - first, run.config.batch);
    this.#emit({ type: 'images', run: run.id, step: run.step, pixels, height, width, labels, ...found }, [
      pixels.buffer,
    ]);
  }

  #reportStatistics(run: Run): void {
    this.#statisticsAt = performance.now();
    const layer = normLayer(run.layers, this.#focus.layer);
    if (!layer) return;
    const channels = channelStatistics(run.model, layer);
    this.#emit({ type: 'statistics', run: run.id, step: run.step, layer: layer.key, channels });
  }

  /** A configuration from which no run could be made. */
  #reject(run: number, error: unknown): void {
    const nothing = { step: 0, epoch: 1, imagesPerSecond: 0, evaluating: false };
    const [losses, accuracies] = [new Float32Array(), new Float32Array()];
    this.#emit({ type: 'progress', run, phase: 'failed', ...nothing, losses, accuracies, failure: toFailure(error) });
  }

  #die(error: unknown): void {
    this.#run = null;
    this.#core.reject(error);
    this.#loadedData.reject(error);
    this.#emit({ type: 'dead', failure: toFailure(error) });
  }

  #emit(event: SessionEvent, transfer: ArrayBufferLike[] = []): void {
    this.#send(this.#listener, event, transfer);
  }
}

const channel = new MessageChannel();

/** Resolves after the messages that are waiting now. A timer would be held back to 4 ms after a few rounds. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(null);
  });
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

function deferred<T>(): Deferred<T> {
  const parts = {} as Deferred<T>;
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  // Whoever waits for it hears of the rejection; that nobody does is no error.
  parts.promise.catch(() => {});
  return parts;
}
