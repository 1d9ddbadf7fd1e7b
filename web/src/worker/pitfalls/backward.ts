import { brief, percent, relativeDifference, sum } from './numbers';
import type { Pitfall } from './pitfall';

const [N, C] = [8, 4];
/** Next to nothing: the second sum is as far from 0 as ε is. */
const EPS = 1e-10;

export const backward: Pitfall = (bench, fixed) => {
  const x = bench.normal(N, C, 9);
  const dy = bench.normal(N, C, 10);
  const upstream = { data: dy.data.map((value, i) => value + 0.5 * (x.data[i] as number) + 0.25), shape: dy.shape };
  const layer = bench.own(bench.nl.batchNorm1d(C, { eps: EPS }));
  const y = layer.forward(x).data;
  const { invstd } = layer.savedStats();
  const dx = fixed
    ? layer.backward(upstream).input.data
    : upstream.data.map((value, i) => value * (invstd[i % C] as number));
  const measured = finiteDifferences(x.data, upstream.data);
  const off = relativeDifference(dx, measured);
  const channel = (values: Float32Array) => values.filter((_, i) => i % C === 0);
  const total = sum(channel(dx));
  const along = sum(channel(dx.map((value, i) => value * (y[i] as number))));
  const vanishes = (value: number) => Math.abs(value) < 1e-4;
  return {
    figures: [
      { label: 'dx against finite differences: off by', value: off, unit: '%', fine: off < 1e-3 },
      { label: 'sum of dx over a channel', value: total, expected: 0, fine: vanishes(total) },
      { label: 'sum of dx · x̂ over a channel', value: along, expected: 0, fine: vanishes(along) },
    ],
    verdict: fixed
      ? `With the two further terms dx agrees with finite differences to ${brief(off)}, and both sums vanish: moving or stretching a whole channel changes nothing.`
      : `Taken as constants, mean and variance leave dx off by ${percent(off)}. The sums that must vanish are ${brief(total)} and ${brief(along)}. Such a network still learns something, which is why it goes unnoticed.`,
  };
};

/** d Σ dy · y / dx in float64, by central differences. */
function finiteDifferences(x: Float32Array, dy: Float32Array): number[] {
  const step = 1e-4;
  const values = Float64Array.from(x);
  return Array.from(values, (value, i) => {
    values[i] = value + step;
    const above = weighted(values, dy);
    values[i] = value - step;
    const below = weighted(values, dy);
    values[i] = value;
    return (above - below) / (2 * step);
  });
}

function weighted(x: Float64Array, dy: Float32Array): number {
  let total = 0;
  for (let c = 0; c < C; c++) {
    const column = x.filter((_, i) => i % C === c);
    const centre = sum(column) / N;
    const scale = 1 / Math.sqrt(sum(column.map((value) => (value - centre) ** 2)) / N + EPS);
    column.forEach((value, n) => {
      total += (dy[n * C + c] as number) * (value - centre) * scale;
    });
  }
  return total;
}
