import { presetSpec } from 'normlab/training';
import { sgd } from './networks';
import { mean, percent } from './numbers';
import type { Pitfall } from './pitfall';

const BATCH = 64;
const FULL = 30;
const REST = 2;

export const lastBatch: Pitfall = async (bench, fixed) => {
  const { train, test } = await bench.images();
  const sample = test.slice(0, 1000);
  const model = bench.model(presetSpec('mlp', { seed: 1 }));
  const data = train.slice(0, BATCH * FULL + REST);
  const options = { batchSize: BATCH, dropLast: fixed };
  const run = bench.start(model, sgd(0.05), data, options);
  const epochs = 4;
  bench.plan(epochs * run.stepsPerEpoch);
  await bench.steps(run, epochs * run.stepsPerEpoch - 1);
  const before = await bench.accuracy(model, sample, 'eval');
  const keep = variances(model.stateDict());
  await bench.steps(run, 1);
  const after = await bench.accuracy(model, sample, 'eval');
  const now = variances(model.stateDict());
  const moved = mean(now.map((value, i) => Math.abs(value / (keep[i] as number) - 1)));
  const size = fixed ? BATCH : REST;
  return {
    figures: [
      { label: 'images in the last batch', value: size },
      { label: 'share of each of them in the running statistics', value: 0.1 / size, unit: '%' },
      { label: 'running_var moved in that step by, on average', value: moved, unit: '%', fine: moved < 0.05 },
      { label: 'test accuracy before that step', value: before, unit: '%' },
      { label: 'test accuracy after it', value: after, unit: '%' },
    ],
    verdict: fixed
      ? `Without the rest every batch has ${BATCH} images; the last step moves running_var by ${percent(moved)} on average, as any other.`
      : `The last batch has 2 images, and weighs as much as one of ${BATCH}: each of the two makes up 5 % of the running statistics, with which the epoch ends. running_var has moved by ${percent(moved)} on average in that one step.`,
  };
};

function variances(state: Record<string, { data: Float32Array } | number>): number[] {
  return Object.entries(state).flatMap(([key, entry]) =>
    key.endsWith('running_var') && typeof entry === 'object' ? [...entry.data] : [],
  );
}
