import { NormlabError } from './errors.js';

/**
 * @typedef {import('./generated/exports.js').Exports} Exports
 * @typedef {import('./errors.js').ErrorCode} ErrorCode
 * @typedef {'int' | 'number' | 'bool' | 'choice' | 'pair' | 'dims' | 'two'} SettingKind
 *
 * @typedef {object} Setting one option of a layer type, optimizer or schedule, as the engine's own table has it
 * @property {string} name
 * @property {SettingKind} kind
 * @property {boolean} required
 * @property {boolean} nullable
 * @property {number} [least]
 * @property {string} [choices] comma-separated
 * @property {number} [below]
 * @property {number | null | number[]} default
 *
 * @typedef {{ type: string, settings: Setting[] }} SettingsTable
 * @typedef {SettingsTable & { norm: boolean, batch: boolean }} LayerType norm: a normalization; batch: one of BatchNorm's
 *   kind, whose running statistics can be frozen, measured again and folded
 *
 * @typedef {object} Abi
 * @property {string} version
 * @property {import('./load.js').Variant} variant
 * @property {string[]} statuses
 * @property {string[]} roles
 * @property {number} maxDims
 * @property {LayerType[]} layers
 * @property {(SettingsTable & { keeps: string })[]} optimizers keeps: what it keeps for each parameter, comma-separated
 * @property {SettingsTable[]} schedules
 * @property {SettingsTable} trainer
 * @property {string} progress values of nl_trainer_progress, comma-separated
 * @property {SettingsTable} augment
 */

/** Takes memory that lasts as long as the call that it is for. */
class Scratch {
  /** @param {Runtime} runtime */
  constructor(runtime) {
    this.runtime = runtime;
    /** @type {number[]} */
    this.blocks = [];
  }

  /** @param {number} bytes @returns {number} its address */
  take(bytes) {
    const address = this.runtime.allocate(bytes);
    this.blocks.push(address);
    return address;
  }

  /** @param {ArrayLike<number>} values */
  floats(values) {
    const address = this.take(values.length * 4);
    this.runtime.floats(address, values.length).set(values);
    return address;
  }

  /** @param {ArrayLike<number>} values */
  doubles(values) {
    const address = this.take(values.length * 8);
    this.runtime.doubles(address, values.length).set(values);
    return address;
  }

  /** @param {ArrayLike<number>} values */
  ints(values) {
    const address = this.take(values.length * 4);
    this.runtime.ints(address, values.length).set(values);
    return address;
  }

  release() {
    for (const address of this.blocks) this.runtime.exports.nl_free(address);
  }
}

/**
 * The engine below the public classes: calls, memory, and the one place where a status becomes an error.
 *
 * Views of the memory are made for each use and never kept: any call may grow the memory, which detaches them.
 */
export class Runtime {
  /** @type {NormlabError | null} why no more calls are possible */
  #end = null;

  /** @type {FinalizationRegistry<() => void>} frees what its owner forgot to dispose of */
  #forgotten = new FinalizationRegistry((destroy) => {
    if (!this.#end) destroy();
  });

  /** @type {Record<string, unknown> | null} what the module exports; given up with the engine */
  #instance;

  /** @type {Partial<import('./extras.js').Extras>} what `normlab/core` does without, as far as somebody has added it */
  extras = {};

  /** @param {Exports} exports */
  constructor(exports) {
    this.#instance = { ...exports };
    this.exports = this.#guarded(Object.keys(exports));
    /** @type {Abi} */
    this.abi = JSON.parse(this.text(this.exports.nl_abi()));
    this.types = new Map(this.abi.layers.map((layer, index) => [layer.type, { ...layer, index }]));
  }

  /**
   * The same functions, except that they throw once the engine has ended, and that a trap ends it: what a trapped call
   * left half done is unknown.
   *
   * @param {string[]} names
   * @returns {Exports}
   */
  #guarded(names) {
    /** @type {Record<string, unknown>} */
    const guarded = {};
    for (const name of names) {
      guarded[name] = (/** @type {number[]} */ ...args) => {
        if (this.#end || !this.#instance) throw this.#end;
        try {
          return /** @type {(...args: number[]) => number} */ (this.#instance[name])(...args);
        } catch (error) {
          const message = `the engine trapped in ${name} (${error}) and is lost: make another with createEngine()`;
          this.#close(new NormlabError('internal', message, { cause: error }));
          throw this.#end;
        }
      };
    }
    return /** @type {Exports} */ (/** @type {unknown} */ (guarded));
  }

  /** The memory of the module; empty once the engine has ended. */
  get buffer() {
    const memory = /** @type {WebAssembly.Memory | undefined} */ (this.#instance?.memory);
    return memory?.buffer ?? new ArrayBuffer(0);
  }

  /** @param {NormlabError} reason */
  #close(reason) {
    this.#end ??= reason;
    this.#instance = null;
  }

  /** Ends the engine: from here on all calls throw. */
  dispose() {
    this.#close(new NormlabError('state', 'the engine was disposed of: make another with createEngine()'));
  }

  /** Throws if the engine has ended. */
  assertAlive() {
    if (this.#end) throw this.#end;
  }

  /**
   * Turns a status into an error.
   *
   * @param {string} call what the user called
   * @param {number} status
   * @param {() => string} [context] more on where it happened, put behind the message
   */
  check(call, status, context) {
    if (status === 0) return;
    const code = /** @type {ErrorCode} */ (this.abi.statuses[status]);
    throw new NormlabError(code, `${call}: ${this.text(this.exports.nl_last_error())}${context?.() ?? ''}`);
  }

  /**
   * Runs `use` with memory that is released afterwards, whatever happens.
   *
   * @template T
   * @param {(scratch: Scratch) => T} use
   * @returns {T}
   */
  withScratch(use) {
    const scratch = new Scratch(this);
    try {
      return use(scratch);
    } finally {
      if (!this.#end) scratch.release();
    }
  }

  /** @param {number} bytes */
  allocate(bytes) {
    const address = bytes < 2 ** 31 ? this.exports.nl_alloc(bytes) >>> 0 : 0;
    if (address === 0) {
      const size = Math.ceil(bytes / 2 ** 20);
      throw new NormlabError('memory', `out of memory: ${size} MB were refused (the engine holds ${this.megabytes()})`);
    }
    return address;
  }

  megabytes() {
    return `${Math.ceil(this.buffer.byteLength / 2 ** 20)} MB`;
  }

  /**
   * Creates a handle: calls `create` with the address to which the engine writes it.
   *
   * @param {string} call
   * @param {(out: number) => number} create
   */
  handle(call, create) {
    return this.withScratch((scratch) => {
      const out = scratch.take(4);
      this.check(call, create(out));
      return this.ints(out, 1)[0] >>> 0;
    });
  }

  /**
   * Calls `destroy` when `owner` is garbage, unless it was disowned before. `destroy` must not refer to it.
   *
   * @param {object} owner
   * @param {() => void} destroy
   */
  own(owner, destroy) {
    this.#forgotten.register(owner, destroy, owner);
  }

  /** @param {object} owner */
  disown(owner) {
    this.#forgotten.unregister(owner);
  }

  /**
   * @template {keyof import('./extras.js').Extras} K
   * @param {string} call
   * @param {K} name
   * @returns {import('./extras.js').Extras[K]}
   * @throws {NormlabError} `unsupported` in an engine of `normlab/core` that was not extended
   */
  extra(call, name) {
    const found = this.extras[name];
    if (found) return /** @type {any} */ (found);
    const remedy = 'give it to extendEngine of normlab/extend';
    throw new NormlabError('unsupported', `${call}: an engine of normlab/core does without: ${remedy}`);
  }

  /** Whether there is still something to free. */
  get alive() {
    return this.#end === null;
  }

  /** @param {number} address @param {number} length */
  floats(address, length) {
    return new Float32Array(this.buffer, address >>> 0, length);
  }

  /** @param {number} address @param {number} length */
  doubles(address, length) {
    return new Float64Array(this.buffer, address >>> 0, length);
  }

  /** @param {number} address @param {number} length */
  ints(address, length) {
    return new Int32Array(this.buffer, address >>> 0, length);
  }

  /** @param {number} address @param {number} length */
  bytes(address, length) {
    return new Uint8Array(this.buffer, address >>> 0, length);
  }

  /** @param {number} address of a zero-ended string */
  text(address) {
    const bytes = new Uint8Array(this.buffer, address >>> 0);
    return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
  }
}
