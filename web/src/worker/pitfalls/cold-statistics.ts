import { deepMlp, sgd } from './networks';
import { percent } from './numbers';
import type { Curve, Pitfall } from './pitfall';

const STEPS = 30;

export const coldStatistics: Pitfall = async (bench, fixed) => {
  const { train, test } = await bench.images();
  const momentum = fixed ? 0.1 : 0.01;
  const sample = test.slice(0, 500);
  const model = bench.model(deepMlp(6, { momentum }));
  bench.plan(STEPS);
  const run = bench.start(model, sgd(0.05), train, { batchSize: 64 });
  const at: number[] = [];
  const [evals, trains]: number[][] = [[], []];
  for (let step = 5; step <= STEPS; step += 5) {
    await bench.steps(run, 5);
    at.push(step);
    evals?.push(await bench.accuracy(model, sample, 'eval'));
    trains?.push(await bench.accuracy(model, sample, 'train', 50));
  }
  const left = (1 - momentum) ** STEPS;
  const [evaluated, trained] = [evals?.at(-1) ?? 0, trains?.at(-1) ?? 0];
  const curve = (label: string, y: number[] | undefined, mode: 'train' | 'eval'): Curve => ({
    ...{ label, x: at, y: y ?? [], mode, norm: 'batch', dots: true },
  });
  return {
    figures: [
      {
        label: `test accuracy in eval mode after ${STEPS} steps`,
        value: evaluated,
        unit: '%',
        fine: evaluated > trained - 0.1,
      },
      { label: 'the same in train mode', value: trained, unit: '%' },
      { label: 'of the first values, mean 0 and variance 1, still in the averages', value: left, unit: '%' },
    ],
    plot: {
      label: 'Test accuracy in either mode over the steps',
      x: { label: 'step' },
      y: { label: 'accuracy', min: 0, max: 1 },
      curves: [curve('eval mode', evals, 'eval'), curve('train mode', trains, 'train')],
    },
    verdict: fixed
      ? `With momentum 0.1 only ${percent(left)} of the first values are left after ${STEPS} steps, and eval mode is right on ${percent(evaluated)}, train mode on ${percent(trained)}.`
      : `The network has learnt: in train mode it is right on ${percent(trained)}. In eval mode it is right on ${percent(evaluated)}, for ${percent(left)} of mean 0 and variance 1 are still in its averages.`,
  };
};
