import { presetSpec } from 'normlab/training';
import { amongOthers, confidencePlot } from './companions';
import { sgd } from './networks';
import { percent } from './numbers';
import type { Pitfall } from './pitfall';

export const forgotEval: Pitfall = async (bench, fixed) => {
  const { train, test } = await bench.images();
  const model = bench.model(presetSpec('mlp', { seed: 1 }));
  bench.plan(120);
  const run = bench.start(model, sgd(0.05), train, { batchSize: 32 });
  await bench.steps(run, 120);
  const mode = fixed ? 'eval' : 'train';
  const accuracy = await bench.accuracy(model, test.slice(0, 1000), mode, 4);
  model.train(!fixed);
  const seen = await amongOthers(bench, model, test);
  return {
    figures: [
      {
        label: `of ${seen.images} images, those whose label changes with the batch`,
        value: seen.changed,
        fine: seen.changed === 0,
      },
      { label: 'largest change of a confidence', value: seen.spread, unit: '%', fine: seen.spread < 1e-5 },
      { label: 'test accuracy in batches of 4', value: accuracy, unit: '%' },
    ],
    plot: confidencePlot(seen, mode),
    verdict: fixed
      ? `In eval mode each image has one answer, whatever is in the batch with it: ${seen.changed} of ${seen.images} labels change, and the accuracy is ${percent(accuracy)}.`
      : `${seen.changed} of ${seen.images} images get another label when only their three companions are others; one confidence moves by ${percent(seen.spread)}. The weights are the same throughout.`,
  };
};
