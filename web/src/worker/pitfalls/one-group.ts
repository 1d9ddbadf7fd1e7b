import type { Tensor } from 'normlab';
import { brief, largestDifference } from './numbers';
import type { Pitfall } from './pitfall';

const [N, C, SIDE] = [2, 8, 4];
const PLANE = SIDE * SIDE;

export const oneGroup: Pitfall = (bench, fixed) => {
  const { nl } = bench;
  const x: Tensor = { data: bench.normal(N * C * PLANE, 1, 11).data, shape: [N, C, SIDE, SIDE] };
  // Channels of different size, as those of a network are.
  x.data = x.data.map((value, i) => value * (1 + (Math.floor(i / PLANE) % C)));
  const group = bench.own(nl.groupNorm(1, C));
  const layer = bench.own(nl.layerNorm(C));
  const grouped = group.forward(x).data;
  const permuted = toChannelsFirst(layer.forward(toChannelsLast(x))).data;
  const y = fixed ? permuted : grouped;
  const whole = bench.own(nl.layerNorm([C, SIDE, SIDE])).forward(x).data;
  const apart = largestDifference(y, perPosition(x.data));
  const means = (fixed ? layer : group).savedStats().mean.length;
  return {
    figures: [
      { label: 'means and variances taken', value: means, expected: N * PLANE, fine: means === N * PLANE },
      { label: 'largest difference from LayerNorm(C) at each position', value: apart, fine: apart < 1e-4 },
      { label: 'GroupNorm(1, C) against LayerNorm([C, H, W])', value: largestDifference(grouped, whole), expected: 0 },
    ],
    verdict: fixed
      ? `With the channels last, LayerNorm(C) takes ${means} means, one a position, as Transformers and ConvNeXt have it; the difference from it in float64 is ${brief(apart)}.`
      : `GroupNorm(1, C) takes ${means} means, one an image, over C · H · W = ${C * PLANE} values. LayerNorm(C) takes ${N * PLANE}, each over ${C}. The outputs differ by up to ${brief(apart)}.`,
  };
};

/** x.permute(0, 2, 3, 1) */
function toChannelsLast({ data }: Tensor): Tensor {
  const moved = new Float32Array(data.length);
  data.forEach((value, i) => {
    const [n, c, p] = [Math.floor(i / (C * PLANE)), Math.floor(i / PLANE) % C, i % PLANE];
    moved[(n * PLANE + p) * C + c] = value;
  });
  return { data: moved, shape: [N, SIDE, SIDE, C] };
}

/** y.permute(0, 3, 1, 2) */
function toChannelsFirst({ data }: Tensor): Tensor {
  const moved = new Float32Array(data.length);
  data.forEach((value, i) => {
    const [n, p, c] = [Math.floor(i / (C * PLANE)), Math.floor(i / C) % PLANE, i % C];
    moved[(n * C + c) * PLANE + p] = value;
  });
  return { data: moved, shape: [N, C, SIDE, SIDE] };
}

/** LayerNorm(C) in float64. */
function perPosition(x: Float32Array): Float64Array {
  const y = new Float64Array(x.length);
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < PLANE; p++) {
      const at = (c: number) => (n * C + c) * PLANE + p;
      const values = Array.from({ length: C }, (_, c) => x[at(c)] as number);
      const centre = values.reduce((total, value) => total + value, 0) / C;
      const spread = values.reduce((total, value) => total + (value - centre) ** 2, 0) / C;
      values.forEach((value, c) => {
        y[at(c)] = (value - centre) / Math.sqrt(spread + 1e-5);
      });
    }
  }
  return y;
}
