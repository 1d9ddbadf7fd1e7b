import { presetSpec } from 'normlab/training';
import type { Pitfall } from './pitfall';
import { refusal } from './refusal';

const IMAGES = 65;
const BATCH = 32;

export const oneValue: Pitfall = async (bench, fixed) => {
  const { train } = await bench.images();
  const model = bench.model(presetSpec('mlp', { seed: 1 }));
  const run = bench.start(model, { optimizer: { lr: 0.05 } }, train.slice(0, IMAGES), {
    ...{ batchSize: BATCH, dropLast: fixed },
  });
  let [made, message] = [0, ''];
  while (made < run.stepsPerEpoch && !message) {
    message = refusal(() => run.steps(1));
    if (!message) made++;
  }
  const sizes = Array.from({ length: run.stepsPerEpoch }, (_, i) => Math.min(BATCH, IMAGES - i * BATCH));
  return {
    figures: [
      { label: 'batches of the epoch', value: sizes.join(' + ') },
      { label: 'steps made', value: made, fine: !message },
      { label: 'the epoch', value: message ? 'stops with an error' : 'ends', fine: !message },
    ],
    ...(message && { message }),
    verdict: fixed
      ? `The last image is left out, the epoch ends after its ${made} steps. With shuffle=True it is another image each time.`
      : `${IMAGES} images in batches of ${BATCH} leave one for the last batch. After ${made} steps training stops: behind a linear layer one image is one value per channel, and one value has no variance.`,
  };
};
