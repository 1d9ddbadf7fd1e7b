import { brief, percent, sum } from './numbers';
import type { Pitfall } from './pitfall';

const SAMPLES = 8;
const CHANNELS = 16;

export const leak: Pitfall = (bench, fixed) => {
  const { nl } = bench;
  const layer = bench.own(fixed ? nl.layerNorm(CHANNELS) : nl.batchNorm1d(CHANNELS));
  const x = bench.normal(SAMPLES, CHANNELS, 4);
  const y = layer.forward(x).data;
  // A loss that looks at sample 0 alone.
  const upstream = new Float32Array(x.data.length);
  upstream.set(bench.normal(CHANNELS, 1, 5).data);
  const { data } = layer.backward({ data: upstream, shape: x.shape }).input;
  const sizes = Array.from({ length: SAMPLES }, (_, i) =>
    Math.hypot(...data.subarray(i * CHANNELS, (i + 1) * CHANNELS)),
  );
  const others = sum(sizes.slice(1)) / sum(sizes);
  const changed = {
    data: x.data.map((value, i) => (i >= CHANNELS && i < 2 * CHANNELS ? value + 1 : value)),
    shape: x.shape,
  };
  const again = layer.forward(changed).data;
  const moved = Math.max(...y.subarray(0, CHANNELS).map((value, i) => Math.abs(value - (again[i] as number))));
  return {
    figures: [
      {
        label: 'of the gradient of sample 0’s loss, in the other samples',
        value: others,
        unit: '%',
        fine: others === 0,
      },
      { label: 'output of sample 0 moves, when sample 1 changes, by', value: moved, fine: moved === 0 },
    ],
    plot: {
      label: 'Size of the gradient of sample 0’s loss with respect to each sample',
      x: { label: 'sample' },
      y: { label: 'gradient', min: 0 },
      curves: [{ label: 'gradient', x: sizes.map((_, i) => i), y: sizes, dots: true, norm: fixed ? 'layer' : 'batch' }],
    },
    verdict: fixed
      ? 'LayerNorm looks at one sample at a time: the gradient in all others is exactly 0, and nothing of them shows in its output.'
      : `The loss of sample 0 has ${percent(others)} of its gradient in the other samples, and changing sample 1 moves the output of sample 0 by ${brief(moved)}. A network can learn from that what it should not know.`,
  };
};
