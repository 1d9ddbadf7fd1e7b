import { brief } from './numbers';
import type { Pitfall } from './pitfall';
import { againstWhole } from './split-batch';

export const accumulation: Pitfall = async (bench, fixed) => {
  const norm = fixed ? 'group' : 'batch';
  const run = await againstWhole(bench, { norm, options: { accumulate: 8 }, label: '8 times 4, accumulated' });
  return {
    figures: [
      { label: 'values behind each mean', value: fixed ? 'of one image, either way' : '4 in place of 32' },
      { label: 'gradient of one batch: ‖difference‖ / ‖gradient‖', value: run.gradient, fine: run.gradient < 1e-4 },
      { label: 'training loss: apart by at most', value: run.loss, fine: run.loss < 1e-3 },
    ],
    plot: run.plot,
    verdict: fixed
      ? `GroupNorm takes each image by itself: 8 times 4 gives the gradient of 32, but for rounding (${brief(run.gradient)}), and the same training.`
      : `8 micro-batches of 4 and one batch of 32 are the same images, and yet their gradients are apart by ${brief(run.gradient)} times the length of the right one: BatchNorm has normalized within each 4.`,
  };
};
