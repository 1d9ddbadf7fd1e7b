import type { Failure, RunConfig } from '../../worker/protocol';
import type { Config } from '../settings';

/** PyTorch's default, which every BatchNorm here has. */
const MOMENTUM = 0.1;

/** What holds for all that normalize each image by itself. */
const SAME = 'It keeps no running statistics: train mode and eval mode cannot differ.';

/** Where the two modes take mean and variance from, for the readouts' captions. */
export function modeSources(config: Config): { eval: string; train: string } {
  switch (config.norm) {
    case 'batch': {
      if (config.renorm)
        return { eval: 'running statistics', train: 'batch statistics, drawn towards the running ones' };
      const train = config.batch === 1 ? 'statistics of one test image' : `statistics of each batch of ${config.batch}`;
      return { eval: 'running statistics', train };
    }
    case 'none':
      return { eval: 'no statistics', train: 'no statistics' };
    default:
      return { eval: 'statistics of each image', train: 'statistics of each image' };
  }
}

/** Why the two test accuracies differ, or why they cannot: one short paragraph. */
export function explainModes(config: Config, step: number): string {
  const { norm, batch, groups } = config;
  switch (norm) {
    case 'none':
      return 'Without normalization the network computes the same function in either mode, so the two figures are equal.';
    case 'layer':
      return `LayerNorm takes mean and variance from one image at a time, in either mode. ${SAME}`;
    case 'group':
      return `GroupNorm takes mean and variance from one image at a time, over ${groups === 1 ? 'all channels at once' : `each of ${groups} groups of channels`}. ${SAME}`;
    case 'instance':
      return `InstanceNorm takes mean and variance from one channel of one image at a time, in either mode. ${SAME}`;
    case 'rms':
      return `RMSNorm divides each image by its root mean square, in either mode, and takes no mean away. ${SAME}`;
    case 'batch':
      if (config.renorm) {
        return `Batch Renorm normalizes with the batch of ${batch} and then corrects towards running_mean and running_var, within bounds that widen as training goes on. The closer the correction comes, the less train mode and eval mode differ. ${warmUp(step)}`;
      }
      return `The weights are the same; the difference lies in mean and variance. Eval mode normalizes with running_mean and running_var, averages collected during training. Train mode normalizes each test image with the statistics of ${companions(batch)}. ${warmUp(step)}`;
  }
}

function companions(batch: number): string {
  if (batch === 1) return 'that image alone';
  if (batch <= 8) return `the batch of only ${batch} images it happens to be in, a noisy estimate`;
  return `the batch of ${batch} images it happens to be in`;
}

/** How much of mean 0 and variance 1 is still in the running statistics: (1 − momentum) to the number of steps. */
function warmUp(step: number): string {
  const rest = (1 - MOMENTUM) ** step;
  if (step === 0) return 'The averages still hold their first values, mean 0 and variance 1.';
  if (rest > 0.005) {
    return `After ${step} ${step === 1 ? 'step' : 'steps'} ${Math.round(100 * rest)} % of their first values, mean 0 and variance 1, is still in the averages.`;
  }
  return 'The averages have forgotten their first values; what they follow now is the changing weights.';
}

/** Why a training diverged, as far as its settings tell, with the losses on the way. */
export function explainDivergence({ norm, lr }: RunConfig, losses: readonly number[]): string {
  const [first, last] = [losses[0], losses.at(-1)];
  const way =
    first !== undefined && last !== undefined
      ? `The loss was ${brief(first)} at first, ${brief(last)} just before. `
      : '';
  const cause = `At learning rate ${lr} the steps overshot: each made the weights larger, until a value was too large for float32.`;
  return norm === 'none'
    ? `${way}${cause} Nothing here brings the outputs of a layer back to a common size; a normalization would.`
    : `${way}${cause} A normalization bears much of that, but the last layer has none behind it.`;
}

function brief(value: number): string {
  return value < 1e4 ? value.toFixed(2) : value.toExponential(1);
}

const ONE_VALUE = /more than 1 value per channel/;
/** No place for InstanceNorm: behind a linear layer, or where a channel of an image is one value. */
const NO_INSTANCE = /\(instanceNorm\): [Ee]xpected/;

/** The message without the name of the call that it begins with: nobody made that call here. */
export function plainMessage({ message }: Failure): string {
  return message.replace(/^[a-z][a-zA-Z\d]*\.?[a-zA-Z]*: /, '');
}

/** What to do about a failure, where the failure is one that the settings can mend. */
export function remedy(failure: Failure, batch: number, trainImages: number): string {
  if (isAboutNorm(failure)) {
    return 'InstanceNorm normalizes each channel of an image on its own and needs several values there. This network comes down to one: take the small CNN, the residual network, or another normalization.';
  }
  if (!ONE_VALUE.test(failure.message)) return '';
  if (batch > 1 && trainImages % batch === 1) {
    return `The last batch of an epoch is left with one image, for ${trainImages} = ${Math.floor(trainImages / batch)} × ${batch} + 1. In PyTorch, DataLoader(drop_last=True) leaves it out; here, take another batch size.`;
  }
  return 'One value has no variance. Take 2 or more images a batch, a network that keeps several values per channel, or another normalization.';
}

/** Failures that come from the batch size belong beside its control. */
export function isAboutBatchSize(failure: Failure): boolean {
  return ONE_VALUE.test(failure.message);
}

/** Failures that come from a normalization that the network has no place for belong beside the normalizations. */
export function isAboutNorm(failure: Failure): boolean {
  return NO_INSTANCE.test(failure.message);
}
