import { brief } from './numbers';
import type { Pitfall } from './pitfall';
import { againstWhole } from './split-batch';

export const replicas: Pitfall = async (bench, fixed) => {
  const options = { replicas: 8, syncBatchNorm: fixed };
  const run = await againstWhole(bench, {
    norm: 'batch',
    options,
    label: fixed ? '8 devices, synchronized' : '8 devices',
  });
  return {
    figures: [
      { label: 'values behind each mean', value: fixed ? 32 : 4, fine: fixed },
      { label: 'gradient of one batch: ‖difference‖ / ‖gradient‖', value: run.gradient, fine: run.gradient < 1e-4 },
      { label: 'training loss: apart by at most', value: run.loss, fine: run.loss < 1e-3 },
    ],
    plot: run.plot,
    verdict: fixed
      ? `With shared statistics 8 devices do what one does: the difference of the gradients is ${brief(run.gradient)} of their length, and the curves lie on each other.`
      : `32 images on 8 devices are 4 on each, and each normalizes its own 4. Their averaged gradient is apart from that of one device by ${brief(run.gradient)} times its length.`,
  };
};
