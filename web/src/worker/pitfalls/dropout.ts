import { brief, mean, variance } from './numbers';
import type { Pitfall } from './pitfall';

const P = 0.3;
const [SAMPLES, CHANNELS, PASSES] = [4000, 8, 20];

export const dropout: Pitfall = async (bench, fixed) => {
  // The cumulative average: what is left of chance is that of 20 · 4000 values.
  const norm = { type: 'batchNorm', name: 'norm', momentum: null };
  const drop = { type: 'dropout', p: P };
  const model = bench.model({ input: [CHANNELS], seed: 1, layers: fixed ? [norm, drop] : [drop, norm] });
  const x = bench.normal(SAMPLES, CHANNELS, 12);
  for (let pass = 0; pass < PASSES; pass++) {
    if (pass % 5 === 0) await bench.giveWay();
    model.forward(x);
  }
  const kept = mean((model.stateDict()['norm.running_var'] as { data: Float32Array }).data);
  const y = model.eval().forward(x).data;
  // In eval mode dropout does nothing, so that the norm sees x itself, of variance 1.
  const ratio = variance(x.data) / kept;
  const fine = Math.abs(ratio - 1) < 0.02;
  return {
    figures: [
      { label: 'running_var: the variance seen in training', value: kept, expected: fixed ? 1 : 1 / (1 - P) },
      { label: 'variance in eval mode, over it', value: ratio, expected: fixed ? 1 : 1 - P, fine },
      { label: 'variance of the output in eval mode', value: variance(y), expected: fixed ? 1 : 1 - P, fine },
    ],
    verdict: fixed
      ? `With dropout behind it, BatchNorm sees the same variance in either mode: ${brief(ratio)} of it.`
      : `Dropout of ${P} makes the variance 1 / (1 − ${P}) as large in training, and BatchNorm remembers that: ${brief(kept)}. In eval mode nothing is dropped, and what comes is ${brief(ratio)} of it: the share that is kept, ${1 - P}.`,
  };
};
