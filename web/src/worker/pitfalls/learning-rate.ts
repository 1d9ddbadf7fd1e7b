import { presetSpec } from 'normlab/training';
import { sgd } from './networks';
import { brief, counted, percent } from './numbers';
import type { Curve, Figure, Pitfall } from './pitfall';

const STEPS = 100;
const RATES = [0.03, 0.3];

export const learningRate: Pitfall = async (bench, fixed) => {
  const { train, test } = await bench.images();
  const sample = test.slice(0, 1000);
  const norm = fixed ? 'batch' : 'none';
  bench.plan(RATES.length * STEPS);
  const curves: Curve[] = [];
  const accuracies: number[] = [];
  let last = 0;
  for (const [i, lr] of RATES.entries()) {
    const model = bench.model(presetSpec('mlp', { norm, seed: 1 }));
    const run = bench.start(model, sgd(lr), train, { batchSize: 32 });
    const losses = (await bench.steps(run, STEPS)).map(({ loss }) => loss);
    last = losses.at(-1) ?? Number.NaN;
    // What has left the figure is not drawn along its edge.
    const y = losses.map((loss) => (loss <= 4 ? loss : null));
    const looks: Partial<Curve> = i === 0 ? { color: '--ink-2' } : { norm };
    curves.push({ label: `learning rate ${lr}`, x: counted(losses.length), y, ...looks });
    accuracies.push(await bench.accuracy(model, sample, 'eval'));
  }
  const [slow = 0, fast = 0] = accuracies;
  const figures: Figure[] = [
    { label: `test accuracy after ${STEPS} steps at 0.03`, value: slow, unit: '%' },
    { label: 'the same at 0.3', value: fast, unit: '%', fine: fast > 0.5 },
    { label: 'last training loss at 0.3', value: last, fine: last < 2 },
  ];
  return {
    figures,
    plot: {
      label: 'Training loss over the steps at two learning rates',
      x: { label: 'step' },
      y: { label: 'loss', min: 0, max: 4 },
      curves,
    },
    verdict: fixed
      ? `With BatchNorm the same network learns at 0.03 (${percent(slow)}) and at ten times that (${percent(fast)}).`
      : `At 0.03 the network learns (${percent(slow)}). At 0.3 the first steps throw it where it learns no more: ${percent(fast)}, the loss at ${brief(last)}; guessing is 10 % and ln 10 = 2.303.`,
  };
};
