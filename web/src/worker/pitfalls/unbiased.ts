import { largestDifference, variance } from './numbers';
import type { Pitfall } from './pitfall';

/** The input of pytorch 60528: [n][c][l] = 1 + n + 4 c + l */
const SHAPE = [4, 3, 4];
const x = { data: Float32Array.from({ length: 48 }, (_, i) => 1 + Math.floor(i / 12) + (i % 12)), shape: SHAPE };
const MOMENTUM = 0.1;

export const unbiased: Pitfall = (bench, fixed) => {
  const layer = bench.own(bench.nl.batchNorm1d(3, { momentum: MOMENTUM }));
  layer.forward(x);
  const kept = [...(layer.stateDict().running_var as { data: Float32Array }).data];
  const m = 16;
  const own = [0, 1, 2].map((c) => {
    const biased = variance(x.data.filter((_, i) => Math.floor((i % 12) / 4) === c));
    return (1 - MOMENTUM) * 1 + MOMENTUM * biased * (fixed ? m / (m - 1) : 1);
  });
  const apart = largestDifference(own, kept);
  // Momentum 1: after it, running_var is the batch's own.
  const exact = bench.own(bench.nl.batchNorm1d(3, { momentum: 1, runningVar: fixed ? 'biased' : 'unbiased' }));
  const small = { data: Float32Array.of(1, 2, 0, 3, 3, 1, 3, 4, 3), shape: [3, 3] };
  const gap = largestDifference(exact.forward(small).data, exact.eval().forward(small).data);
  return {
    figures: [
      { label: 'running_var of the layer', value: kept[0] as number },
      { label: 'computed by hand', value: own[0] as number, fine: apart < 1e-6 },
      { label: 'apart', value: apart < 1e-6 ? 0 : apart, fine: apart < 1e-6 },
      { label: 'after one batch of 3 at momentum 1, eval and train mode apart', value: gap, fine: gap < 1e-5 },
    ],
    verdict: fixed
      ? 'Times m / (m − 1) = 16 / 15 the variance by hand is the one that is kept. Where the biased one is kept instead, as Keras does, eval mode equals train mode on that batch.'
      : `By hand 0.9 · 1 + 0.1 · var is 1.15, in the layer 1.1667. The layer normalizes with the variance whose divisor is m = 16, and keeps the one whose divisor is 15.`,
  };
};
