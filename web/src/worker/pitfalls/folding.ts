import { presetSpec } from 'normlab/training';
import { sgd } from './networks';
import { argMax, brief, largestDifference } from './numbers';
import type { Pitfall } from './pitfall';

const IMAGES = 32;

export const folding: Pitfall = async (bench, fixed) => {
  const { train, test } = await bench.images();
  const model = bench.model(presetSpec('mlp', { seed: 1 }));
  bench.plan(100);
  await bench.steps(bench.start(model, sgd(0.05), train, { batchSize: 32 }), 100);
  await bench.giveWay();
  const { x } = test.batch(Array.from({ length: IMAGES }, (_, i) => i));
  const folded = bench.own(model.fold()).forward(x);
  const { data } = model.train(!fixed).forward(x);
  const apart = largestDifference(folded.data, data);
  const classes = folded.shape[1] ?? 1;
  const label = (logits: Float32Array, i: number) => argMax(logits.subarray(i * classes, (i + 1) * classes));
  const others = Array.from({ length: IMAGES }, (_, i) => i).filter((i) => label(data, i) !== label(folded.data, i));
  return {
    figures: [
      { label: 'largest difference of an output', value: apart, fine: apart < 1e-3 },
      { label: `of ${IMAGES} images, those with another label`, value: others.length, fine: others.length === 0 },
    ],
    verdict: fixed
      ? `In eval mode BatchNorm is a fixed scale and shift, and folding it in changes the outputs by rounding alone: ${brief(apart)}.`
      : `The folded network differs from the one that it was made of by up to ${brief(apart)}, in ${others.length} of ${IMAGES} labels. The folding is right; the network beside it is still in train mode, where there is nothing fixed to fold.`,
  };
};
