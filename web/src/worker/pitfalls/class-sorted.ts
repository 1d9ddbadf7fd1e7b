import { makeDataset, presetSpec } from 'normlab/training';
import { sgd } from './networks';
import { percent } from './numbers';
import type { Pitfall } from './pitfall';

export const classSorted: Pitfall = async (bench, fixed) => {
  const { train, test } = await bench.images();
  const model = bench.model(presetSpec('mlp', { seed: 1 }));
  bench.plan(150);
  const run = bench.start(model, sgd(0.05), train, { batchSize: 32 });
  await bench.steps(run, 150);
  const sample = test.slice(0, 1000);
  const order = Array.from(sample.labels.keys()).sort(
    (a, b) => (sample.labels[a] as number) - (sample.labels[b] as number) || a - b,
  );
  const { x, labels } = sample.batch(order);
  const sorted = makeDataset({ shape: sample.shape, images: x.data, labels, classes: sample.classes });
  const mode = fixed ? 'eval' : 'train';
  const shuffled = await bench.accuracy(model, sample, mode, 32);
  const byClass = await bench.accuracy(model, sorted, mode, 32);
  return {
    figures: [
      { label: 'accuracy, batches shuffled', value: shuffled, unit: '%' },
      {
        label: 'accuracy, the same images class after class',
        value: byClass,
        unit: '%',
        fine: Math.abs(byClass - shuffled) < 0.002,
      },
      {
        label: 'points lost by the order alone',
        value: 100 * (shuffled - byClass),
        fine: Math.abs(byClass - shuffled) < 0.002,
      },
    ],
    verdict: fixed
      ? `In eval mode the order is nothing: ${percent(shuffled)} shuffled, ${percent(byClass)} sorted.`
      : `Shuffled, the network is right on ${percent(shuffled)}. With the same images in the order of their classes, as in a folder, on ${percent(byClass)}: what all 32 have in common, their class, is taken away with the mean.`,
  };
};
