import { NormlabError } from '../errors.js';
import { indent, keywords, python } from './python.js';

/**
 * @typedef {import('../runtime.js').Runtime} Runtime
 * @typedef {{ type: string, [option: string]: any }} Typed
 *
 * @typedef {object} Recipe all of it in full
 * @property {Record<string, any> & { optimizer: Typed, schedule: Typed }} trainer
 * @property {Record<string, any>} run
 * @property {boolean} distributed
 * @property {string[]} frozen keys
 * @property {boolean} drops whether it has dropout
 */

const OPTIMIZERS = /** @type {Record<string, string>} */ ({ sgd: 'SGD', adam: 'Adam', adamW: 'AdamW' });

/** @param {Runtime} runtime @param {Recipe['trainer']} trainer */
export function optimizerText({ abi }, { optimizer, decayNorms, decayBiases }) {
  const table = abi.optimizers.find(({ type }) => type === optimizer.type);
  const args = keywords(/** @type {import('../runtime.js').SettingsTable} */ (table).settings, optimizer, ['lr']);
  const make = (/** @type {string} */ parameters) =>
    `def make_optimizer(model):\n    return torch.optim.${OPTIMIZERS[optimizer.type]}(${[parameters, ...args].join(', ')})`;
  if ((decayNorms && decayBiases) || optimizer.weightDecay === 0) return make('model.parameters()');
  const linear = 'isinstance(module, (nn.Conv2d, nn.Linear))';
  const [what, decays] = decayNorms
    ? ['all but the biases of convolution and linear layers', `name == "weight" or not ${linear}`]
    : decayBiases
      ? ['all but normalizations', linear]
      : ['the weights of convolution and linear layers', `name == "weight" and ${linear}`];
  return `def parameter_groups(model):
    """Weight decay is for ${what}."""
    decayed, spared = [], []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            (decayed if ${decays} else spared).append(parameter)
    return [{"params": decayed}, {"params": spared, "weight_decay": 0.0}]


${make('parameter_groups(model)')}`;
}

/**
 * The factor of the learning rate as Python, and what it is in words; with `done`, the share of the way that is done.
 *
 * @type {Record<string, (schedule: Typed, lr: number, at: string) => [string, string]>}
 */
const SCHEDULES = {
  constant: () => ['a constant rate', '1.0'],
  step: ({ stepSize, gamma }, _, at) => [
    `by ${python(gamma)} every ${stepSize} steps`,
    `${python(gamma)} ** (${at} // ${stepSize})`,
  ],
  cosine({ etaMin }, lr) {
    const cosine = '(1 + math.cos(math.pi * done)) / 2';
    const floor = `${python(etaMin)} / ${python(lr)}`;
    return etaMin === 0
      ? ['half a period of the cosine', cosine]
      : [`half a period of the cosine, to ${python(etaMin)}`, `${floor} + (1 - ${floor}) * ${cosine}`];
  },
  linear: ({ endFactor }) => [`a line to ${python(endFactor)} times the rate`, `1 + (${python(endFactor)} - 1) * done`],
};

/** @param {Recipe['trainer']} trainer @returns {string} empty for a constant rate */
export function scheduleText({ schedule, optimizer: { lr } }) {
  const { type, warmup } = schedule;
  if (type === 'constant' && warmup === 0) return '';
  if (type === 'cosine' && lr === 0 && schedule.etaMin > 0) {
    throw new NormlabError(
      'unsupported',
      'nl.toPyTorch: schedule.etaMin: a rate of 0 has no factor that makes it larger',
    );
  }
  const at = warmup > 0 ? `(step - ${warmup})` : 'step';
  const [words, factor] = SCHEDULES[type](schedule, lr, at);
  const rise = warmup > 0 ? `        if step < ${warmup}:\n            return (step + 1) / ${warmup}\n` : '';
  const rest = warmup > 0 ? `max(steps - ${warmup}, 1)` : 'steps';
  const done = factor.includes('done') ? `        done = min(${at} / ${rest}, 1)\n` : '';
  return `def make_scheduler(optimizer, steps):
    """To be stepped after every batch: ${warmup > 0 ? `${warmup} steps of warm-up, then ` : ''}${words}."""

    def factor(step):
${rise}${done}        return ${factor}

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)`;
}

/** @param {Recipe} recipe */
export function stepText({ trainer, distributed }) {
  const { clipGradNorm, labelSmoothing, accumulate, ghostBatch } = trainer;
  const smoothing = labelSmoothing > 0 ? `, label_smoothing=${python(labelSmoothing)}` : '';
  const loss = (/** @type {string} */ suffix) =>
    `loss = F.cross_entropy(model(images${suffix}), labels${suffix}${smoothing})`;
  const clip =
    clipGradNorm === null ? '' : `    nn.utils.clip_grad_norm_(model.parameters(), ${python(clipGradNorm)})\n`;
  const head = `def train_step(model, optimizer, images, labels):
    """One update; gives the loss before it."""
    optimizer.zero_grad()
`;
  if (accumulate === 1 && ghostBatch === null) {
    return `${head}    ${loss('')}\n    loss.backward()\n${clip}    optimizer.step()\n    return loss.item()`;
  }
  const count = ghostBatch === null ? accumulate : `-(-len(labels) // ${ghostBatch})`;
  const pass = `${loss('[a:b]')}
# Each part counts by its size: the gradients add up to those of the whole batch.
loss = loss * ((b - a) / len(labels))
loss.backward()
`;
  const synced = distributed
    ? `# Gradients are averaged between the processes once, with the last part.
with nullcontext() if b == len(labels) else model.no_sync():
${indent(pass)}`
    : pass;
  return `${head}    # Parts that normalize on their own: for BatchNorm, accumulation is not a large batch.
    parts = min(${count}, len(labels))
    edges = [len(labels) * i // parts for i in range(parts + 1)]
    total = 0.0
    for a, b in zip(edges, edges[1:]):
${indent(indent(synced))}        total += loss.item()
${clip}    optimizer.step()
    return total`;
}

export const EVALUATE = `@torch.no_grad()
def evaluate(model, data, device):
    """Mean loss and accuracy in eval mode: running statistics, no dropout."""
    model.eval()
    loss = hits = 0
    for images, labels in DataLoader(data, batch_size=256):
        logits, labels = model(images.to(device)), labels.to(device)
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        hits += (logits.argmax(1) == labels).sum().item()
    return loss / len(data), hits / len(data)`;

/** @param {string[]} frozen keys @returns {string} */
export const frozenText = (frozen) =>
  frozen.length === 0
    ? ''
    : `def train_mode(model):
    """Frozen layers keep their running statistics, weight and bias; model.train() alone would thaw them."""
    model.train()
    for key in [${frozen.map(python).join(', ')}]:
        model.get_submodule(key).eval().requires_grad_(False)`;

/** @param {Recipe} recipe */
export function mainText({ trainer, run, distributed, frozen, drops }) {
  const { epochs, batchSize, shuffle, dropLast, seed } = run;
  const { schedule, syncBatchNorm } = trainer;
  const trainMode = frozen.length > 0 ? 'train_mode(model)' : 'model.train()';
  const scheduled = scheduleText(trainer) !== '';
  const drop = dropLast ? ', drop_last=True' : '';
  const when = (/** @type {unknown} */ wanted, /** @type {string[]} */ ...lines) => (wanted ? lines : []);
  const lines = [
    ...when(
      distributed,
      'cuda = torch.cuda.is_available()',
      'device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")',
      'if cuda:',
      '    torch.cuda.set_device(device)',
      'dist.init_process_group("nccl" if cuda else "gloo")',
    ),
    ...when(distributed && drops, `torch.manual_seed(${seed} + dist.get_rank())  # no two drop the same`),
    ...when(!distributed, 'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")'),
    'train, test = load_data(Path(folder))',
    'if weights:',
    '    from safetensors.torch import load_file  # pip install safetensors',
    '',
    '    model.load_state_dict(load_file(weights))',
    ...when(
      distributed && syncBatchNorm,
      '# Statistics of all processes together, which PyTorch has for GPUs alone.',
      'model = nn.SyncBatchNorm.convert_sync_batchnorm(model)',
    ),
    'model.to(device)',
    ...when(frozen.length > 0, trainMode),
    'optimizer = make_optimizer(model)',
    ...when(
      distributed,
      '# Running statistics are those of the first process, whose buffers are sent to the others.',
      'parallel = DistributedDataParallel(model, device_ids=[device] if cuda else None)',
      `sampler = DistributedSampler(train, shuffle=${python(shuffle)}, seed=${seed}${drop})`,
      `batches = DataLoader(train, ${batchSize} // dist.get_world_size(), sampler=sampler${drop})`,
    ),
    ...when(!distributed, `batches = DataLoader(train, ${batchSize}, shuffle=${python(shuffle)}${drop})`),
    ...when(scheduled, `scheduler = make_scheduler(optimizer, ${schedule.steps ?? `${epochs} * len(batches)`})`),
    `for epoch in range(${epochs}):`,
    ...when(distributed, '    sampler.set_epoch(epoch)  # another order each time'),
    `    ${trainMode}  # evaluate leaves it in eval mode`,
    '    for images, labels in batches:',
    `        train_step(${distributed ? 'parallel' : 'model'}, optimizer, images.to(device), labels.to(device))`,
    ...when(scheduled, '        scheduler.step()'),
    ...when(distributed, '    if dist.get_rank() > 0:', '        continue'),
    '    loss, accuracy = evaluate(model, test, device)',
    '    print(f"epoch {epoch + 1}: test loss {loss:.4f}, accuracy {accuracy:.4f}")',
    ...when(distributed, 'dist.destroy_process_group()'),
  ];
  return `def main(model, folder, weights=None):
${indent(lines.join('\n'))}


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(model, *sys.argv[1:])`;
}
