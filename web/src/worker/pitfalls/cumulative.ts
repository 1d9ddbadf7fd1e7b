import { deepMlp, sgd } from './networks';
import { percent } from './numbers';
import type { Pitfall } from './pitfall';

const STEPS = 200;

export const cumulative: Pitfall = async (bench, fixed) => {
  const { train, test } = await bench.images();
  const sample = test.slice(0, 1000);
  const momentum = fixed ? 0.1 : null;
  const model = bench.model(deepMlp(4, { momentum }));
  bench.plan(STEPS);
  const run = bench.start(model, sgd(0.05), train, { batchSize: 32 });
  await bench.steps(run, STEPS);
  const evaluated = await bench.accuracy(model, sample, 'eval');
  const trained = await bench.accuracy(model, sample, 'train');
  // Of the running statistics, what comes from the first half of the steps.
  const old = fixed ? 0.9 ** (STEPS / 2) : 0.5;
  return {
    figures: [
      {
        label: `test accuracy in eval mode after ${STEPS} steps`,
        value: evaluated,
        unit: '%',
        fine: evaluated > trained - 0.04,
      },
      { label: 'the same in train mode', value: trained, unit: '%' },
      { label: 'of the statistics, from the first half of the training', value: old, unit: '%' },
    ],
    verdict: fixed
      ? `With momentum 0.1 the averages follow the weights: eval mode is right on ${percent(evaluated)}, train mode on ${percent(trained)}.`
      : `momentum=None averages over all steps alike. Half of its statistics are those of weights from the first half of the training: eval mode is right on ${percent(evaluated)}, train mode on ${percent(trained)}.`,
  };
};
