import { checkBoolean, checkInteger, checkNumber, checkOptions, describe } from './checks.js';
import { uploadDataset } from './engine-dataset.js';
import { NormlabError } from './errors.js';
import { BINS, checkBins } from './measure.js';
import { Model } from './model.js';
import { decodeSettings, encodeSettings } from './settings.js';

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./data/dataset.js').Tensor} Tensor
 * @typedef {import('./data/dataset.js').Dataset} Dataset
 * @typedef {import('./engine-dataset.js').Augment} Augment
 * @typedef {import('./measure.js').LayerMeasurement} LayerMeasurement
 *
 * @typedef {object} SgdOptions torch.optim.SGD's: https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
 * @property {'sgd'} [type]
 * @property {number} [lr] learning rate; default 1e-3
 * @property {number} [momentum] default 0
 * @property {number} [dampening] default 0
 * @property {number} [weightDecay] default 0
 * @property {boolean} [nesterov] default false
 *
 * @typedef {object} AdamOptions torch.optim.Adam's and AdamW's: https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html
 * @property {'adam' | 'adamW'} type
 * @property {number} [lr] default 1e-3
 * @property {[number, number]} [betas] default [0.9, 0.999]
 * @property {number} [eps] default 1e-8
 * @property {number} [weightDecay] default 0, of adamW 1e-2
 * @property {boolean} [amsgrad] default false
 *
 * @typedef {object} Schedule of the learning rate, step by step: with t counted from the end of warm-up and T the steps from
 *   there to the last, `constant`; `step`: lr × gamma^floor(t / stepSize); `cosine`: from lr to etaMin along half a period;
 *   `linear`: from lr to lr × endFactor. As torch.optim.lr_scheduler has them where its scheduler steps after every batch.
 * @property {'constant' | 'step' | 'cosine' | 'linear'} [type] default `'constant'`
 * @property {number} [warmup] steps in which the rate rises from lr / warmup to lr; default 0
 * @property {number | null} [steps] how many there are in all, warm-up included, from the trainer's first; null (default):
 *   as many as the epochs of `fit` or of `start` have, anew for each
 * @property {number} [stepSize] of `step`, in steps; required there
 * @property {number} [gamma] of `step`; default 0.1
 * @property {number} [etaMin] of `cosine`; default 0
 * @property {number} [endFactor] of `linear`; default 0
 *
 * @typedef {object} TrainerOptions
 * @property {SgdOptions | AdamOptions} [optimizer] default SGD with lr 1e-3
 * @property {Schedule} [schedule]
 * @property {number | null} [clipGradNorm] largest norm of all gradients together, as torch.nn.utils.clip_grad_norm_; default null
 * @property {number} [labelSmoothing] share of the target that goes to all classes alike, in [0, 1); default 0
 * @property {boolean} [decayNorms] whether weight decay acts on weight and bias of normalizations; default true, as in PyTorch
 * @property {boolean} [decayBiases] whether it acts on the biases of linear and convolution layers; default true
 * @property {number} [replicas] shards of each batch, as nearly equal as can be, that normalize on their own as data-parallel
 *   devices do; gradients are averaged over all samples, and the first shard alone moves running statistics, as the buffers
 *   of rank 0 are everybody's in DistributedDataParallel; default 1
 * @property {boolean} [syncBatchNorm] share the statistics of all replicas: the same as one device; default false
 * @property {number} [accumulate] micro-batches in which a batch (of a replica) is passed before its one update; each is
 *   normalized by its own statistics and moves the running ones; default 1
 * @property {number | null} [ghostBatch] in place of `accumulate`: as many micro-batches as it takes for none to have more
 *   samples than this: Ghost Batch Normalization, https://arxiv.org/abs/1705.08741; default null
 *
 * @typedef {object} Step
 * @property {number} loss mean cross-entropy of the batch, before the update
 * @property {number} accuracy of the batch, 0…1
 * @property {number} gradNorm Euclidean norm of all gradients, without weight decay
 * @property {LayerMeasurement[]} [layers] where the step was measured: an entry a layer, as in `model.layers`. Measuring
 *   changes nothing of the step. Where the batch is passed in parts (`replicas`, `accumulate`, `ghostBatch`), activation,
 *   gradient and statistics are those of the first part alone, the loss being its own mean; gradNorm and weightNorm are of
 *   the whole batch
 *
 * @typedef {Step & { step: number, epoch: number }} RunStep step counts from 1 over all epochs, epoch from 1
 *
 * @typedef {object} RunOptions
 * @property {number} batchSize
 * @property {boolean} [shuffle] a new order each epoch; default true
 * @property {boolean} [sortByClass] batches run through class after class, as in a folder of data that nobody shuffled; with
 *   shuffle the samples of a class change places each epoch. A batch of one class has statistics of its own, which is what
 *   BatchNorm fails on; default false
 * @property {Augment | null} [augment] random crops and mirroring of the training images, e.g. `{ crop: 4, flip: true }`;
 *   default null
 * @property {boolean} [dropLast] leave out a last batch that is smaller; default false
 * @property {number} [seed] of the orders and of `augment`; default 0
 * @property {number} [epochs] how many there will be: what a schedule without `steps` spans
 * @property {number | null} [measureEvery] measure every so manieth step, counted over all epochs: its figures then have
 *   `layers`; default null: none
 * @property {number} [bins] of the histograms of what is measured; default 32
 *
 * @typedef {object} EpochFigures
 * @property {number} epoch from 1
 * @property {number} steps in it
 * @property {number} loss mean over its samples, as they were seen
 * @property {number} accuracy likewise, 0…1
 * @property {number} seconds spent in steps
 * @property {number} imagesPerSecond
 *
 * @typedef {object} History
 * @property {EpochFigures[]} epochs
 * @property {number[]} loss of each step
 * @property {number[]} accuracy of each step
 *
 * @typedef {object} FitCallbacks
 * @property {number} epochs how many
 * @property {AbortSignal} [signal] stops at a step boundary; fit then rejects with its reason
 * @property {(step: RunStep & { stepsPerEpoch: number }) => void} [onStep]
 * @property {(epoch: EpochFigures) => unknown} [onEpoch] awaited
 */

/**
 * Options of a run that decide what each step sees: a state holds them, and what resumes it must have the same.
 *
 * @type {Record<string, (call: string, name: string, value: any, runtime: Runtime) => unknown>}
 */
const RUN_OPTIONS = {
  batchSize: (call, name, value) => checkInteger(call, name, value, 1),
  shuffle: (call, name, value = true) => checkBoolean(call, name, value),
  sortByClass: (call, name, value = false) => checkBoolean(call, name, value),
  augment: (call, name, value = null, { abi }) =>
    value && decodeSettings(abi.augment, encodeSettings(call, abi.augment, value, abi.maxDims, [], name)),
  dropLast: (call, name, value = false) => checkBoolean(call, name, value),
  seed: (call, name, value = 0) => checkNumber(call, name, value),
};

/** With those of what it shows of itself. */
const RUN_KNOWN = [...Object.keys(RUN_OPTIONS), 'measureEvery', 'bins'];

/** A model's optimizer. Made by `nl.trainer(model, options)`. */
export class Trainer {
  #runtime;
  #model;
  #handle;
  #lr;
  /** In full, without lr, which may change. @type {Record<string, unknown>} */
  #options;
  /** @type {import('./trainer-state.js').Kept[]} */
  #kept;
  /** @type {TrainingRun | null} */
  #run = null;
  /** Those of the last run, unless fit has ended them. @type {import('./trainer-state.js').Passes | null} */
  #passes = null;
  /** Where in these the next run goes on, after loadState. @type {{ began: number, done: number } | null} */
  #resumed = null;

  /**
   * @param {Runtime} runtime
   * @param {Model} model
   * @param {TrainerOptions} [options]
   * @param {string} [call] for messages
   */
  constructor(runtime, model, options, call = 'nl.trainer') {
    if (!(model instanceof Model && model.runtime === runtime)) {
      throw new NormlabError(
        'argument',
        `${call}: model: expected a model of this engine, got ${model instanceof Model ? 'one of another' : describe(model)}`,
      );
    }
    const { abi, exports } = runtime;
    const own = ['optimizer', 'schedule'];
    const extra = encodeSettings(call, abi.trainer, options, abi.maxDims, own);
    const given = /** @type {Record<string, unknown>} */ (options ?? {});
    const optimizer = typed(runtime, call, 'optimizer', abi.optimizers, given.optimizer);
    const schedule = typed(runtime, call, 'schedule', abi.schedules, given.schedule);
    this.#runtime = runtime;
    this.#model = model;
    this.#lr = optimizer.args[0];
    const { lr: _, ...rest } = decodeSettings(abi.optimizers[optimizer.index], optimizer.args);
    this.#options = {
      optimizer: { type: abi.optimizers[optimizer.index].type, ...rest },
      schedule: {
        type: abi.schedules[schedule.index].type,
        ...decodeSettings(abi.schedules[schedule.index], schedule.args),
      },
      ...decodeSettings(abi.trainer, extra),
    };
    const target = model.handle(call);
    const handle = runtime.withScratch((scratch) => {
      const args = scratch.doubles(optimizer.args);
      const more = scratch.doubles(extra);
      return runtime.handle(call, (out) =>
        exports.nl_trainer_create(out, target, optimizer.index, args, optimizer.args.length, more, extra.length),
      );
    });
    try {
      runtime.withScratch((scratch) => {
        const args = scratch.doubles(schedule.args);
        runtime.check(call, exports.nl_trainer_set_schedule(handle, schedule.index, args, schedule.args.length));
      });
    } catch (error) {
      if (runtime.alive) exports.nl_trainer_destroy(handle);
      throw error;
    }
    this.#handle = handle;
    this.#kept = abi.optimizers[optimizer.index].keeps.split(',').flatMap((name, which) =>
      model
        .trained()
        .filter(({ index }) => exports.nl_trainer_kept(handle, which, index) !== 0)
        .map(({ key, shape, size, index }) => ({
          key: `optimizer.${name}.${key}`,
          shape,
          view: () => runtime.floats(exports.nl_trainer_kept(handle, which, index), size),
        })),
    );
    runtime.own(this, () => exports.nl_trainer_destroy(handle));
  }

  /** @returns {Required<TrainerOptions>} what it was made with, defaults included, and the learning rate that it has by now */
  get options() {
    const { optimizer, ...rest } = /** @type {any} */ (structuredClone(this.#options));
    return { optimizer: { ...optimizer, lr: this.#lr }, ...rest };
  }

  /** Learning rate of the next step, as the schedule has it; NaN where that needs to know of how many steps it is. */
  get currentLr() {
    return this.#runtime.exports.nl_trainer_rate(this.handle('trainer.currentLr'));
  }

  /** Learning rate, what the schedule starts from; may be changed between steps. */
  get lr() {
    return this.#lr;
  }

  set lr(value) {
    const call = 'trainer.lr';
    const rate = checkNumber(call, 'lr', value);
    this.#runtime.check(call, this.#runtime.exports.nl_trainer_set_lr(this.handle(call), rate));
    this.#lr = rate;
  }

  /**
   * One step on one batch, in training mode whatever the model's mode is.
   *
   * @param {Tensor} x `[N, …input]`
   * @param {ArrayLike<number>} labels `N` classes
   * @param {{ measure?: boolean | { bins?: number } }} [options] measure: figures of each layer, in `layers`; default false.
   *   bins: of the histograms, default 32
   * @returns {Step}
   */
  step(x, labels, options) {
    const call = 'trainer.step';
    const handle = this.handle(call);
    return this.#runtime.extra(call, 'step')(handle, this.#model, x, labels, options);
  }

  /**
   * Begins passes over a data set, to be driven by hand; ends those begun before.
   *
   * @param {Dataset} data its images are read when a step needs them, here and in `fit`
   * @param {RunOptions} options
   * @returns {TrainingRun}
   */
  start(data, options) {
    const call = 'trainer.start';
    return this.#start(call, data, checkOptions(call, 'options', options, [...RUN_KNOWN, 'epochs']));
  }

  /**
   * Trains for a number of epochs, giving way to other work every few milliseconds. After `loadState` it goes on where the
   * state was taken, in the midst of an epoch too, and its history is that of all epochs.
   *
   * @param {Dataset} data
   * @param {RunOptions & FitCallbacks} options
   * @returns {Promise<History>}
   * @throws {NormlabError} `diverged` when a loss is not finite
   */
  async fit(data, options) {
    const call = 'trainer.fit';
    const known = [...RUN_KNOWN, 'epochs', 'signal', 'onStep', 'onEpoch'];
    const fit = this.#runtime.extra(call, 'fit');
    return fit(call, checkOptions(call, 'options', options, known), this.#model, {
      begin: (rest) => {
        const run = this.#start(call, data, rest);
        return { run, passes: /** @type {import('./trainer-state.js').Passes} */ (this.#passes) };
      },
      end: (passes) => {
        if (this.#passes === passes) this.#passes = null;
      },
    });
  }

  /**
   * Everything that a bit-exact resume needs, as a safetensors file: parameters and running statistics of the model, what is
   * frozen, what the optimizer keeps, the learning rate and the place in its schedule, and the place within the passes that
   * are under way or were stopped before their end, with their options and figures. May be called in `onStep` and `onEpoch`.
   *
   * @returns {Uint8Array}
   */
  state() {
    this.handle('trainer.state');
    return this.#runtime.extra('trainer.state', 'saveState')(
      { ...this.#parts(), passes: this.#passes },
      this.#runtime.abi.version,
    );
  }

  /**
   * Goes on from a state of a trainer with the same options (of the learning rate, the state's is taken) of a model with the
   * same spec. Where passes were under way, the next `fit` or `start`, of as many samples and with the same options, goes on
   * with them; `epochs` may be others.
   *
   * @param {Uint8Array | ArrayBuffer} state
   * @throws {NormlabError} `format` for bytes that are no state, `state` for one of another model or trainer, naming what
   *   differs; nothing has changed then
   */
  loadState(state) {
    const call = 'trainer.loadState';
    const handle = this.handle(call);
    const { lr, progress, passes, apply } = this.#runtime.extra(call, 'readState')(
      call,
      this.#parts(),
      (by, value) => checkOrder(this.#runtime, by, value),
      state,
    );
    // The engine looks at all of it before it takes any.
    this.#runtime.extra(call, 'asFormat')(() => this.#setProgress(call, progress));
    this.#run?.dispose();
    apply();
    this.#runtime.check(call, this.#runtime.exports.nl_trainer_set_lr(handle, lr));
    this.#lr = lr;
    this.#passes = passes;
    this.#resumed = passes && { began: progress.began, done: progress.done };
  }

  /**
   * Puts passes that have just begun where those of a state were.
   *
   * @param {string} call
   * @param {Record<string, number>} before progress before they began
   * @param {{ began: number, done: number }} resumed
   * @param {number} epochs that there will be; 0 where that is not known
   */
  #goOn(call, before, { began, done }, epochs) {
    const steps = this.#runtime.exports.nl_trainer_steps_per_epoch(this.#handle);
    const over = epochs > 0 && done > epochs * steps;
    this.#setProgress(call, over ? before : { ...this.#progress(), began, done });
    if (!over) return;
    const state = `${done} steps are done, ${steps} an epoch`;
    throw new NormlabError('state', `${call}: epochs: expected no fewer than the state has (${state}), got ${epochs}`);
  }

  #parts() {
    // Without passes there is no place within them.
    const progress = { ...this.#progress(), ...this.#resumed, ...(!this.#passes && { done: 0 }) };
    return { model: this.#model, kept: this.#kept, options: this.#options, lr: this.#lr, progress };
  }

  /** @returns {Record<string, number>} */
  #progress() {
    const runtime = this.#runtime;
    const names = runtime.abi.progress.split(',');
    return runtime.withScratch((scratch) => {
      const values = scratch.take(names.length * 8);
      runtime.exports.nl_trainer_progress(this.#handle, values);
      const found = runtime.doubles(values, names.length);
      return Object.fromEntries(names.map((name, i) => [name, found[i]]));
    });
  }

  /** @param {string} call @param {Record<string, number>} progress */
  #setProgress(call, progress) {
    const runtime = this.#runtime;
    runtime.withScratch((scratch) => {
      const values = scratch.doubles(runtime.abi.progress.split(',').map((name) => progress[name]));
      runtime.check(call, runtime.exports.nl_trainer_set_progress(this.#handle, values));
    });
  }

  /** Frees it; the model stays. */
  dispose() {
    if (this.#handle === 0) return;
    this.#run?.dispose();
    if (this.#runtime.alive) this.#runtime.exports.nl_trainer_destroy(this.#handle);
    this.#runtime.disown(this);
    this.#handle = 0;
  }

  /**
   * @param {string} call
   * @param {Dataset} data
   * @param {Record<string, unknown>} options
   */
  #start(call, data, options) {
    const { measureEvery = null, bins = BINS } = options;
    const measure = {
      every: measureEvery === null ? Number.POSITIVE_INFINITY : checkInteger(call, 'measureEvery', measureEvery, 1),
      bins: checkBins(call, bins),
    };
    const handle = this.handle(call);
    const runtime = this.#runtime;
    const settings = checkRun(runtime, call, options);
    const { batchSize, shuffle, sortByClass, augment, dropLast, seed } = settings;
    const epochs = checkInteger(call, 'epochs', options.epochs ?? 0, 0);
    const dataset = uploadDataset(runtime, call, data, { sortByClass, augment, batchSize });
    const order = { length: data.labels.length, ...settings };
    const resumed = this.#resumed;
    const before = this.#progress();
    try {
      if (resumed) runtime.extra(call, 'same')(call, 'order', this.#passes?.order, order, 'this run');
      const [shuffled, dropped] = [Number(shuffle), Number(dropLast)];
      runtime.check(
        call,
        runtime.exports.nl_trainer_begin(handle, dataset.handle, batchSize, shuffled, dropped, seed, epochs),
      );
      if (resumed) this.#goOn(call, before, resumed, epochs);
    } catch (error) {
      dataset.dispose();
      throw error;
    }
    this.#run?.dispose();
    this.#passes = { order, figures: (resumed && this.#passes?.figures) ?? null };
    this.#resumed = null;
    this.#run = new TrainingRun(runtime, this, this.#model, dataset, order, measure, resumed?.done ?? 0);
    return this.#run;
  }

  /**
   * @internal
   * @param {Model} model
   */
  trains(model) {
    return this.#model === model;
  }

  /**
   * @internal
   * @param {string} call
   */
  handle(call) {
    if (this.#handle === 0) throw new NormlabError('state', `${call}: the trainer was disposed of`);
    this.#model.handle(call);
    return this.#handle;
  }
}

/**
 * @internal
 * @param {Runtime} runtime
 * @param {string} call
 * @param {Record<string, any>} options
 * @returns {Record<string, any> & { batchSize: number }} {@link RUN_OPTIONS} in full
 */
export function checkRun(runtime, call, options) {
  const checked = Object.entries(RUN_OPTIONS).map(([name, check]) => [name, check(call, name, options[name], runtime)]);
  return Object.fromEntries(checked);
}

/**
 * @param {Runtime} runtime
 * @param {string} call
 * @param {unknown} value what a state has of {@link RUN_OPTIONS}
 */
function checkOrder(runtime, call, value) {
  const { length, ...options } = checkOptions(call, 'order', value, ['length', ...Object.keys(RUN_OPTIONS)]);
  const settings = checkRun(runtime, call, options);
  return { length: checkInteger(call, 'order.length', length, 1), ...settings };
}

/** Passes over a data set, driven by hand: what fit is built on. Made by `trainer.start`. */
export class TrainingRun {
  #runtime;
  #trainer;
  #model;
  #dataset;
  #length;
  #batchSize;
  #measure;
  #done;
  #disposed = false;

  /**
   * @param {Runtime} runtime
   * @param {Trainer} trainer
   * @param {Model} model
   * @param {import('./engine-dataset.js').EngineDataset} dataset
   * @param {{ length: number, batchSize: number }} order length: samples in it
   * @param {{ every: number, bins: number }} measure
   * @param {number} done steps, of a run that is resumed
   */
  constructor(runtime, trainer, model, dataset, { length, batchSize }, measure, done) {
    this.#runtime = runtime;
    this.#trainer = trainer;
    this.#model = model;
    this.#dataset = dataset;
    this.#length = length;
    this.#batchSize = Math.min(batchSize, length);
    this.#measure = measure;
    this.#done = done;
    /** Steps in one pass. */
    this.stepsPerEpoch = runtime.exports.nl_trainer_steps_per_epoch(trainer.handle('trainer.start'));
    runtime.own(this, dataset.dispose);
  }

  /** Steps done, those before the state that was resumed included. */
  get step() {
    return this.#done;
  }

  /** The epoch that the last step was in, from 1; 0 before the first. */
  get epoch() {
    return Math.ceil(this.#done / this.stepsPerEpoch);
  }

  /**
   * Runs up to k steps, none beyond the end of the epoch. A step whose loss is not finite is the last of its call, and so
   * is one before a step that fails: the next call then throws why.
   *
   * @param {number} k
   * @returns {{ steps: RunStep[], epochEnded: boolean }}
   */
  steps(k) {
    const call = 'run.steps';
    const count = Math.min(checkInteger(call, 'k', k, 1), this.stepsPerEpoch);
    this.#handle(call);
    return this.#runtime.withScratch((scratch) => {
      const [figures, done] = [scratch.take(count * 24), scratch.take(4)];
      /** @type {RunStep[]} */
      const steps = [];
      let epochEnded = false;
      for (let wanted = 1, ran = 1; ran === wanted && steps.length < count && !epochEnded; ) {
        // The engine measures the first step of a call: one that is measured is a call of its own.
        const unmeasured = Math.min(Math.max(this.#unmeasured(), 1), count - steps.length);
        wanted = this.#dataset.bring(this.#handle(call), unmeasured);
        const more = this.#advance(call, wanted, figures, done, steps.length === 0);
        steps.push(...more);
        epochEnded = this.#done % this.stepsPerEpoch === 0;
        ran = Number.isFinite(steps[steps.length - 1].loss) ? more.length : 0;
      }
      return { steps, epochEnded };
    });
  }

  /**
   * Runs one step after another, the first whatever comes of it.
   *
   * @internal
   * @param {(step: RunStep) => boolean} use whether there is to be one more
   */
  each(use) {
    const call = 'run.steps';
    this.#handle(call);
    this.#runtime.withScratch((scratch) => {
      const [figures, done] = [scratch.take(24), scratch.take(4)];
      do this.#dataset.bring(this.#handle(call), 1);
      while (use(this.#advance(call, 1, figures, done, true)[0]));
    });
  }

  /** @returns {number} steps before the next one that is measured */
  #unmeasured() {
    const { every } = this.#measure;
    return every - 1 - (this.#done % every);
  }

  /**
   * @param {string} call
   * @param {number} count
   * @param {number} figures address of 3 float64 a step
   * @param {number} done address of an int32
   * @param {boolean} throws where the first fails
   * @returns {RunStep[]}
   */
  #advance(call, count, figures, done, throws) {
    const runtime = this.#runtime;
    const { exports } = runtime;
    const handle = this.#handle(call);
    const bins = this.#unmeasured() === 0 ? this.#measure.bins : 0;
    if (bins > 0) runtime.check(call, exports.nl_trainer_measure(handle, bins));
    runtime.ints(done, 1)[0] = 0;
    const status = exports.nl_trainer_run(handle, figures, done, count);
    const ran = runtime.ints(done, 1)[0];
    if (ran === 0 && throws) this.#model.check(call, status);
    const values = runtime.doubles(figures, 3 * ran);
    return Array.from({ length: ran }, (_, i) => {
      this.#done++;
      const [loss, accuracy, gradNorm] = values.subarray(3 * i, 3 * i + 3);
      const layers = bins > 0 && {
        layers: runtime.extra(call, 'readMeasured')(runtime, handle, this.#model.layers, bins),
      };
      return { step: this.#done, epoch: this.epoch, loss, accuracy, gradNorm, ...layers };
    });
  }

  /** @param {string} call */
  #handle(call) {
    if (!this.#disposed) return this.#trainer.handle(call);
    throw new NormlabError('state', `${call}: the run has ended: begin another with trainer.start()`);
  }

  /**
   * @internal
   * @param {number} step from 1
   * @returns {number} samples in that step's batch
   */
  samplesOf(step) {
    const first = ((step - 1) % this.stepsPerEpoch) * this.#batchSize;
    return Math.min(this.#batchSize, this.#length - first);
  }

  /** Ends it and frees what it has of the data. */
  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#runtime.disown(this);
    this.#dataset.dispose();
  }
}

/**
 * An optimizer or a schedule as the engine takes it; the first of the table is the default.
 *
 * @param {Runtime} runtime
 * @param {string} call
 * @param {string} name
 * @param {import('./runtime.js').SettingsTable[]} table
 * @param {unknown} options
 * @returns {{ index: number, args: number[] }}
 */
function typed({ abi }, call, name, table, options) {
  const { type = table[0].type } = /** @type {{ type?: unknown }} */ (options ?? {});
  const index = table.findIndex((entry) => entry.type === type);
  if (index < 0) {
    const list = table.map((entry) => `'${entry.type}'`).join(' or ');
    throw new NormlabError('argument', `${call}: ${name}.type: expected ${list}, got ${describe(type)}`);
  }
  return { index, args: encodeSettings(call, table[index], options, abi.maxDims, ['type'], name) };
}
