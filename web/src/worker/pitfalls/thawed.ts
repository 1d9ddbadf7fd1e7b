import { presetSpec } from 'normlab/training';
import { sgd } from './networks';
import { brief, largestDifference, percent } from './numbers';
import type { Pitfall } from './pitfall';

const STEPS = 60;

export const thawed: Pitfall = async (bench, fixed) => {
  const { train, test } = await bench.images();
  const sample = test.slice(0, 1000);
  const model = bench.model(presetSpec('mlp', { seed: 1 }));
  bench.plan(150);
  const schooling = bench.start(model, sgd(0.05), train, { batchSize: 32 });
  await bench.steps(schooling, 150);
  const before = await bench.accuracy(model, sample, 'eval');
  const keep = model.stateDict();

  // Fine-tuning on what is new: the sneakers and boots, in batches of 4.
  const indices = Array.from(train.labels, (label, i) => (label === 7 || label === 9 ? i : -1)).filter((i) => i >= 0);
  const { x, labels } = train.batch(indices.slice(0, 4 * STEPS));
  model.eval();
  if (fixed) model.freeze();
  else model.train();
  const trainer = bench.own(bench.nl.trainer(model, { optimizer: { lr: 1e-4 } }));
  const size = x.data.length / labels.length;
  for (let step = 0; step < STEPS; step++) {
    if (step % 10 === 0) await bench.giveWay();
    const data = x.data.subarray(4 * step * size, 4 * (step + 1) * size);
    trainer.step({ data, shape: [4, ...x.shape.slice(1)] }, labels.subarray(4 * step, 4 * step + 4));
  }
  const now = model.stateDict();
  const moved = (ending: string) =>
    Object.keys(now)
      .filter((key) => key.endsWith(ending))
      .reduce((most, key) => Math.max(most, largestDifference(values(now[key]), values(keep[key]))), 0);
  const [mean, variance] = [moved('running_mean'), moved('running_var')];
  const counted = moved('num_batches_tracked');
  const after = await bench.accuracy(model, sample, 'eval');
  return {
    figures: [
      { label: 'running_mean moved by, at most', value: mean, fine: mean === 0 },
      { label: 'running_var moved by, at most', value: variance, fine: variance === 0 },
      { label: 'num_batches_tracked went up by', value: counted, fine: counted === 0 },
      { label: 'accuracy on the old task before', value: before, unit: '%' },
      { label: 'accuracy on the old task after', value: after, unit: '%', fine: after > before - 0.02 },
    ],
    verdict: fixed
      ? `Frozen for good, the statistics have not moved at all, and the old task stands at ${percent(after)}, having been at ${percent(before)}.`
      : `train() has set the layers that were in eval mode back to train mode. ${STEPS} batches of 4 later their running_mean has moved by up to ${brief(mean)}, and the old task has gone from ${percent(before)} to ${percent(after)}, with a learning rate of 0.0001.`,
  };
};

function values(entry: { data: Float32Array } | number | undefined): ArrayLike<number> {
  return typeof entry === 'object' ? entry.data : [entry ?? 0];
}
