import { brief, largestDifference } from './numbers';
import type { Pitfall } from './pitfall';

const CHANNELS = 4;

export const sameBatchTwice: Pitfall = (bench, fixed) => {
  const first = bench.normal(8, CHANNELS, 1);
  const second = { data: first.data.map((value, i) => (i < CHANNELS ? value : 2 * value + 1)), shape: first.shape };
  const layer = bench.own(bench.nl.batchNorm1d(CHANNELS)).train(!fixed);
  const runningMean = () => (layer.stateDict().running_mean as { data: Float32Array }).data;
  const one = layer.forward(first).data;
  const before = runningMean();
  const again = layer.forward(first).data;
  const between = runningMean();
  const other = layer.forward(second).data;
  const moved = largestDifference(runningMean(), between);
  const apart = largestDifference(one.subarray(0, CHANNELS), other.subarray(0, CHANNELS));
  const same = largestDifference(one, again);
  const running = Math.max(moved, largestDifference(before, between));
  return {
    figures: [
      { label: 'the same batch twice: largest difference of the outputs', value: same, expected: 0 },
      { label: 'the same sample in another batch: largest difference', value: apart, fine: apart === 0 },
      { label: 'running_mean moved by', value: running, fine: running === 0 },
    ],
    verdict: fixed
      ? 'In eval mode the sample has one output in either batch, and running_mean stays where it is.'
      : `The same batch gives the same output, to the last bit, also in train mode: it is normalized by its own statistics, and the running ones, which move, are not used. The same sample among others is off by ${brief(apart)}.`,
  };
};
