import type { Four, LensQuestion } from '../../../worker/lens-input';
import type { Failure } from '../../../worker/protocol';

/** Which cells share mean and variance with one, in words, and how many they are. */
export function shareSentence({ layer, input, mode, at }: LensQuestion, [n, c]: Four, m: number): string {
  const [N, C, H, W] = input.shape;
  const positions = `${H} × ${W} positions`;
  switch (layer.norm) {
    case 'batch':
      if (mode === 'eval') {
        const source = at === 0 ? 'no batch has been seen yet: mean 0, variance 1' : `kept from ${at} batches before`;
        return `Its channel shares one running mean and variance, ${source}. None of the ${m} cells lit enters them.`;
      }
      return `m = ${m} cells share its mean and variance: channel ${c} of all ${N} images, ${positions}.`;
    case 'layer':
      return `m = ${m} cells share its mean and variance: all ${C} channels of image ${n}, ${positions}.`;
    case 'rms':
      return `m = ${m} cells share its root mean square, there is no mean: all ${C} channels of image ${n}, ${positions}.`;
    case 'group': {
      const size = C / layer.groups;
      const first = Math.floor(c / size) * size;
      const channels = size === 1 ? `channel ${c}` : `channels ${first} to ${first + size - 1}`;
      return `m = ${m} cells share its mean and variance: ${channels} of image ${n}, ${positions}.`;
    }
    case 'instance':
      return `m = ${m} cells share its mean and variance: channel ${c} of image ${n}, ${positions}.`;
  }
}

/** What can be done about a refusal. */
export function remedyOf({ message }: Failure, { layer, input }: LensQuestion): string {
  if (/divisible/.test(message)) {
    const channels = input.shape[1];
    const fitting = Array.from({ length: channels }, (_, i) => i + 1).filter((groups) => channels % groups === 0);
    return `${channels} channels can be split into ${fitting.join(', ').replace(/, (\d+)$/, ' or $1')} groups.`;
  }
  if (!/more than 1/.test(message)) return '';
  if (layer.norm === 'batch') {
    return 'One value has no variance. Take a larger N, H or W, choose eval mode, or a layer that looks at several channels.';
  }
  return 'One value has no variance. Take a larger H or W, or a layer that looks at more of the image.';
}
