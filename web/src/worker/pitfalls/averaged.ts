import { deepMlp, sgd } from './networks';
import { percent } from './numbers';
import type { Pitfall } from './pitfall';

const CHECKPOINTS = 5;
const DISTANCE = 40;
const FIRST = 120;

export const averaged: Pitfall = async (bench, fixed) => {
  const { train, test } = await bench.images();
  const sample = test.slice(0, 1000);
  const spec = deepMlp(8);
  const model = bench.model(spec);
  bench.plan(FIRST + CHECKPOINTS * DISTANCE);
  const run = bench.start(model, sgd(0.3), train, { batchSize: 32 });
  await bench.steps(run, FIRST);
  const sums = new Map(model.parameters.map(({ key, size }) => [key, new Float64Array(size)]));
  for (let checkpoint = 0; checkpoint < CHECKPOINTS; checkpoint++) {
    await bench.steps(run, DISTANCE);
    const state = model.stateDict();
    for (const [key, total] of sums) {
      const entry = state[key];
      if (typeof entry === 'object')
        entry.data.forEach((value, i) => {
          total[i] = (total[i] ?? 0) + value;
        });
    }
  }
  // As torch.optim.swa_utils.AveragedModel has it: averaged parameters, the buffers of the last checkpoint.
  const state = model.stateDict();
  for (const [key, total] of sums) {
    const { shape } = state[key] as { shape: number[] };
    state[key] = { data: Float32Array.from(total, (value) => value / CHECKPOINTS), shape };
  }
  const average = bench.model(spec);
  average.loadStateDict(state);
  await bench.giveWay();
  if (fixed) average.recalibrate(train, { batchSize: 100, batches: 10 });
  const last = await bench.accuracy(model, sample, 'eval');
  const evaluated = await bench.accuracy(average, sample, 'eval');
  const trained = await bench.accuracy(average, sample, 'train');
  return {
    figures: [
      { label: 'last checkpoint, eval mode', value: last, unit: '%' },
      { label: 'averaged weights, train mode', value: trained, unit: '%' },
      { label: 'averaged weights, eval mode', value: evaluated, unit: '%', fine: evaluated > trained - 0.05 },
    ],
    verdict: fixed
      ? `Measured anew on 1,000 training images, with the weights as they are, the statistics are those of this network: ${percent(evaluated)} in eval mode, ${percent(trained)} in train mode.`
      : `The averaged weights are good: ${percent(trained)} in train mode. In eval mode they come to ${percent(evaluated)}, for their running statistics are those of another network, the last checkpoint.`,
  };
};
