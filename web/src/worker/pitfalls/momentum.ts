import { brief, counted, mean } from './numbers';
import type { Pitfall } from './pitfall';

const BATCHES = 300;
const BATCH = 8;
const [MEAN, DEVIATION] = [5, 2];

export const momentum: Pitfall = (bench, fixed) => {
  const weight = fixed ? 0.1 : 0.9;
  const layer = bench.own(bench.nl.batchNorm1d(1, { momentum: weight }));
  const { data } = bench.normal(BATCHES * BATCH, 1, 6);
  const running: number[] = [];
  for (let i = 0; i < BATCHES; i++) {
    const values = data.subarray(i * BATCH, (i + 1) * BATCH).map((value) => MEAN + DEVIATION * value);
    layer.forward({ data: values, shape: [BATCH, 1] });
    running.push((layer.stateDict().running_mean as { data: Float32Array }).data[0] as number);
  }
  const settled = running.slice(60);
  const off = Math.sqrt(mean(settled.map((value) => (value - MEAN) ** 2)));
  const expected = (DEVIATION / Math.sqrt(BATCH)) * Math.sqrt(weight / (2 - weight));
  const shown = running.slice(0, 100);
  return {
    figures: [
      { label: 'weight of the newest batch in running_mean', value: weight, unit: '%', fine: fixed },
      { label: 'running_mean is off by, typically', value: off, expected },
    ],
    plot: {
      label: 'running_mean over the batches; the true mean is 5',
      x: { label: 'batch' },
      y: { label: 'running_mean', min: 0, max: 8 },
      curves: [
        { label: 'true mean', x: [1, 100], y: [MEAN, MEAN], color: '--ink-2' },
        { label: 'running_mean', x: counted(shown.length), y: shown, norm: 'batch', mode: 'eval' },
      ],
    },
    verdict: fixed
      ? `With PyTorch's 0.1, Keras's 0.9, the newest batch weighs 10 %: running_mean is typically ${brief(off)} off the true mean, as σ/√N · √(momentum / (2 − momentum)) has it.`
      : `momentum=0.9 in PyTorch gives the newest batch 90 %: running_mean is little more than the mean of the last ${BATCH} values, off by ${brief(off)} where 0.1 would leave it at ${brief((DEVIATION / Math.sqrt(BATCH)) * Math.sqrt(0.1 / 1.9))}.`,
  };
};
