import { presetSpec } from 'normlab/training';
import { amongOthers, confidencePlot } from './companions';
import { sgd } from './networks';
import type { Pitfall } from './pitfall';
import { refusal } from './refusal';

export const noRunningStats: Pitfall = async (bench, fixed) => {
  const { train, test } = await bench.images();
  const model = bench.model(presetSpec('mlp', { seed: 1, normOptions: { trackRunningStats: fixed } }));
  bench.plan(120);
  const run = bench.start(model, sgd(0.05), train, { batchSize: 32 });
  await bench.steps(run, 120);
  model.eval();
  const seen = await amongOthers(bench, model, test);
  const message = refusal(() => model.forward(test.batch([0]).x));
  return {
    figures: [
      {
        label: `of ${seen.images} images, those whose label changes with the batch`,
        value: seen.changed,
        fine: seen.changed === 0,
      },
      { label: 'largest change of a confidence', value: seen.spread, unit: '%', fine: seen.spread < 1e-5 },
      { label: 'one image alone', value: message ? 'refused' : 'answered', fine: !message },
    ],
    ...(message && { message }),
    plot: confidencePlot(seen, fixed ? 'eval' : 'train'),
    verdict: fixed
      ? `With running statistics eval() does what it says: ${seen.changed} of ${seen.images} labels depend on the batch, and one image alone is answered.`
      : `eval() was called, and still ${seen.changed} of ${seen.images} labels depend on the companions: without running statistics there are only those of the batch. One image alone is refused.`,
  };
};
