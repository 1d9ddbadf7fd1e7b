import { NormlabError } from '../errors.js';
import { CLASSES } from './classes.js';
import { block, keywords, python, short } from './python.js';

/**
 * @typedef {import('../runtime.js').Runtime} Runtime
 * @typedef {Record<string, any>} Options
 *
 * @typedef {object} Layer
 * @property {string} type
 * @property {Options} options
 * @property {number[]} shape of its input, without N
 */

/** @param {number[]} shape BatchNorm1d takes `[N, C]` too */
const dims = ({ length }) => Math.max(length - 1, 1);

/** @param {Options} options @param {number[]} shape */
function trailing({ normalizedShape }, shape) {
  const sizes = [normalizedShape ?? shape].flat();
  return sizes.length === 1 ? `${sizes[0]}` : `[${sizes.join(', ')}]`;
}

/** @param {Options} options */
const biased = ({ runningVar, trackRunningStats }) => runningVar === 'biased' && trackRunningStats !== false;

/**
 * Class and first arguments of each type of layer; what else differs from the defaults follows as keywords.
 *
 * @type {Record<string, (options: Options, shape: number[]) => unknown[]>}
 */
const MODULES = {
  conv2d: (o, [channels]) => [
    o.weightStandardization ? 'StandardizedConv2d' : 'nn.Conv2d',
    channels,
    o.outChannels,
    o.kernelSize,
  ],
  linear: (o, [features]) => ['nn.Linear', features, o.outFeatures],
  relu: () => ['nn.ReLU'],
  gelu: () => ['nn.GELU'],
  sigmoid: () => ['nn.Sigmoid'],
  tanh: () => ['nn.Tanh'],
  identity: () => ['nn.Identity'],
  dropout: ({ p = 0.5 }) => ['nn.Dropout', p],
  flatten: () => ['nn.Flatten'],
  maxPool2d: (o) => ['nn.MaxPool2d', o.kernelSize],
  avgPool2d: (o) => ['nn.AvgPool2d', o.kernelSize],
  globalAvgPool2d: () => ['nn.AdaptiveAvgPool2d', 1],
  batchNorm: (o, shape) => [biased(o) ? 'BiasedBatchNorm' : `nn.BatchNorm${dims(shape)}d`, shape[0]],
  batchRenorm: (_, shape) => ['BatchRenorm', shape[0]],
  instanceNorm: (_, shape) => [`nn.InstanceNorm${dims(shape)}d`, shape[0]],
  groupNorm: (o, [channels]) => ['nn.GroupNorm', o.numGroups, channels],
  layerNorm: () => ['nn.LayerNorm'],
  rmsNorm: () => ['RMSNorm'],
};

/** Options that are in a class or its first arguments. */
const PLACED = 'outChannels outFeatures kernelSize weightStandardization numGroups normalizedShape p runningVar'.split(
  ' ',
);

/** Those of BatchNorm's kind that SyncBatchNorm would take the place of, and lose. */
const UNSYNCED = ['BiasedBatchNorm', 'BatchRenorm'];

/** Names that nn.Sequential has for itself; all with an underscore in front are. */
const TAKEN =
  'T_destination add_module append apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval ' +
  'extend extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half insert ipu load_state_dict ' +
  'modules mtia named_buffers named_children named_modules named_parameters parameters pop register_backward_hook ' +
  'register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook ' +
  'register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module ' +
  'register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule ' +
  'share_memory state_dict to to_empty train training type xpu zero_grad';
const isTaken = (name = '') => name.startsWith('_') || TAKEN.split(' ').includes(name);

/** Writes layers, and keeps what of their own they need. */
export class Modules {
  /** @type {Set<string>} */
  #used = new Set();

  /**
   * @param {Runtime} runtime
   * @param {string} call
   * @param {boolean} sync whether BatchNorms become SyncBatchNorms
   */
  constructor(runtime, call, sync) {
    this.types = runtime.types;
    this.call = call;
    this.sync = sync;
  }

  /** @returns {string[]} classes and functions of the script's own */
  get classes() {
    return Object.keys(CLASSES)
      .filter((name) => this.#used.has(name))
      .map((name) => CLASSES[name]);
  }

  /** @returns {string} a comment on what is easily mistaken, where it is there */
  get note() {
    return this.#used.has('momentum')
      ? '# momentum: the share of the new batch in the running statistics (in Keras: of the old ones); None: the mean of all.\n'
      : '';
  }

  /**
   * @param {Layer} layer
   * @param {string} key for messages
   */
  one({ type, options, shape }, key) {
    const [name, ...args] = MODULES[type](options, shape);
    if (this.sync && UNSYNCED.includes(/** @type {string} */ (name))) {
      throw this.unsupported(key, type, 'nn.SyncBatchNorm has no such statistics; leave syncBatchNorm out');
    }
    const { settings, norm } = /** @type {import('../runtime.js').LayerType} */ (this.types.get(type));
    const given = keywords(
      settings.filter((setting) => !PLACED.includes(setting.name) && !(norm && setting.name === 'bias')),
      options,
    );
    if (given.some((text) => text.startsWith('momentum'))) this.#used.add('momentum');
    this.#used.add(/** @type {string} */ (name));
    const first = type === 'layerNorm' || type === 'rmsNorm' ? [trailing(options, shape)] : [];
    const own = type === 'batchRenorm' && biased(options) ? ['unbiased=False'] : [];
    const text = `${name}(${[...first, ...args.map((arg) => python(short(arg))), ...given, ...own].join(', ')})`;
    const affine = options.affine !== false && options.elementwiseAffine !== false;
    if (!(norm && options.bias === false && affine)) return text;
    this.#used.add('without_bias');
    return `without_bias(${text})`;
  }

  /**
   * @param {import('../presets/index.js').LayerSpec[]} list
   * @param {number[]} input shape
   * @param {Map<string, import('../spec.js').LayerEntry>} layers by key
   * @param {string} [prefix] of the keys
   * @returns {string}
   */
  sequential(list, input, layers, prefix = '') {
    const named = list.some(({ name }) => name !== undefined);
    let shape = input;
    const items = list.map(({ type, name, body = [], shortcut = [] }, index) => {
      const key = `${prefix}${name ?? index}`;
      const entry = /** @type {import('../spec.js').LayerEntry} */ (layers.get(key));
      if (isTaken(name)) throw this.unsupported(key, type, 'nn.Sequential has something of this name itself');
      if (type === 'residual') this.#used.add('Residual');
      const branches = () => [
        this.sequential(body, shape, layers, `${key}.body.`),
        shortcut.length > 0 ? this.sequential(shortcut, shape, layers, `${key}.shortcut.`) : 'nn.Identity()',
      ];
      const text = type === 'residual' ? block('Residual(', branches(), ')') : this.one({ ...entry, shape }, key);
      shape = entry.shape;
      return named ? `(${python(name ?? String(index))}, ${text})` : text;
    });
    return named ? block('nn.Sequential(OrderedDict([', items, ']))') : block('nn.Sequential(', items, ')');
  }

  /** @param {string} key @param {string} type @param {string} why */
  unsupported(key, type, why) {
    return new NormlabError('unsupported', `${this.call}: layer "${key}" (${type}): ${why}`);
  }
}
