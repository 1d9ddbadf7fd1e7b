import type { BatchComparison, LayerGap, Origin, Subject } from '../../../worker/modes-plan';
import { norms } from '../../settings/norms';
import { count } from '../../state/status';

/** PyTorch's default, which every BatchNorm here has. */
const MOMENTUM = 0.1;

/** Differences below this, in standard deviations, are none to speak of. */
const CLOSED = 0.1;

const typeNames: Record<string, string> = {
  batchNorm: 'BatchNorm',
  layerNorm: 'LayerNorm',
  groupNorm: 'GroupNorm',
  instanceNorm: 'InstanceNorm',
  rmsNorm: 'RMSNorm',
  conv2d: 'conv',
  relu: 'ReLU',
  maxPool2d: 'max pool',
  avgPool2d: 'average pool',
  globalAvgPool2d: 'global pool',
  residual: 'add',
};

export const typeName = (type: string): string => typeNames[type] ?? type;

export const plural = (number: number, what: string): string => `${count(number)} ${what}${number === 1 ? '' : 's'}`;

export function normLabel({ norm }: Subject): string {
  return norm === 'none' ? 'no normalization' : (norms.find(({ value }) => value === norm)?.label ?? norm);
}

/** What the running statistics are. */
export function describeOrigin(origin: Origin, { steps }: Subject): string {
  switch (origin.kind) {
    case 'first':
      return 'mean 0 and variance 1, as before the first step';
    case 'batches': {
      const batches = origin.batches === 1 ? 'one training batch' : `${origin.batches} training batches`;
      return `averages over ${batches}, re-estimated for these weights`;
    }
    case 'training': {
      if (steps === 0) return 'mean 0 and variance 1, for it has made no step';
      // The share of mean 0 and variance 1 that so many updates leave.
      const rest = Math.round(100 * (1 - MOMENTUM) ** steps);
      const still = rest > 0 ? `, of which ${rest} % is still their first value` : '';
      return `averages collected over ${plural(steps, 'training step')}${still}`;
    }
  }
}

export function firstGap(layers: readonly LayerGap[]): LayerGap | null {
  return layers.find(({ relative }) => relative !== 0) ?? null;
}

/** Where the difference begins, and why there. */
export function explainBegin(subject: Subject, { layers, indices, values }: BatchComparison): string {
  if ('failure' in layers) return '';
  const first = firstGap(layers);
  if (!first) return 'All outputs of all layers are the same in both modes, to the bit.';
  if (Number.isNaN(first.relative))
    return `From layer ${first.key} on, the outputs are no finite numbers: this network has diverged. Take another one.`;
  const images = plural(indices.length, 'image');
  const m = values[first.key];
  const behind = m ? `, ${plural(m, 'value')} a channel` : '';
  const further = layers.filter(({ type, key }) => type === first.type && key !== first.key).length;
  const inherited = further > 0 ? 'inherits it, and each further BatchNorm adds its own' : 'inherits it';
  return `The difference begins at layer ${first.key}, the first ${typeName(first.type)}. In train mode it normalizes with mean and variance of this batch alone: ${images}${behind}. In eval mode it normalizes with its running statistics: ${describeOrigin(subject.origin, subject)}. Before it both modes are equal to the bit; what follows ${inherited}.`;
}

/** What the batch at hand makes of it. */
export function explainBatch(
  subject: Subject,
  compared: BatchComparison,
  sorted: boolean,
  names: readonly string[],
): string {
  if ('failure' in compared.layers || subject.norm !== 'batch') return '';
  if (sorted) {
    const name = names[compared.labels[0] ?? 0];
    return `All images of this batch are of class ${name}. What they have in common, and what tells ${name} from the other classes, is their mean, and train mode takes it away.`;
  }
  if (subject.origin.kind === 'first')
    return 'With these, eval mode hardly normalizes at all. Recalibrate closes the gap.';
  if (subject.origin.kind === 'batches') {
    const images = plural(compared.indices.length, 'image');
    return compared.layers.every(({ relative }) => relative < CLOSED)
      ? `The gap is closed, but for the little by which mean and variance of ${images} differ from those of all.`
      : `What is left of the gap comes from train mode: ${images} cannot tell mean and variance of all.`;
  }
  return compared.indices.length <= 8
    ? 'So few images give a noisy estimate, and another one in each batch.'
    : 'The more images, the closer mean and variance of a batch are to those of all.';
}

/** Softmax probability of the largest logit. */
export function predictionOf(logits: readonly number[]): { label: number; confidence: number } {
  const top = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - top), 0);
  return { label: logits.indexOf(top), confidence: 1 / sum };
}

export function mean(values: readonly number[]): number {
  // Relative to the first: of equal values it is that value, without a rounding.
  const [first = Number.NaN] = values;
  return first + values.reduce((sum, value) => sum + (value - first), 0) / values.length;
}

/** Standard deviation over the values themselves. */
export function deviation(values: readonly number[]): number {
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / values.length);
}

/** 0 only where it is 0. */
export function figure(value: number): string {
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return 'not finite';
  const size = Math.abs(value);
  const text = size >= 100 ? size.toFixed(0) : size < 0.005 ? size.toExponential(0).replace('-', '−') : size.toFixed(2);
  return value < 0 ? `−${text}` : text;
}
