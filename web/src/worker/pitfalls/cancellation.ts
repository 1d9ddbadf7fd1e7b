import { brief, variance } from './numbers';
import type { Pitfall } from './pitfall';

const LENGTH = 32768;
const EPS = 1e-5;
const { fround } = Math;

export const cancellation: Pitfall = (bench, fixed) => {
  const values = bench.normal(LENGTH, 1, 7).data.map((value) => 100 + 0.01 * value);
  const truth = variance(values);
  const squares = values.map((value) => value * value);
  const naive = fround(fround(pairwise(squares) / LENGTH) - fround(fround(pairwise(values) / LENGTH) ** 2));
  const layer = bench.own(bench.nl.layerNorm(LENGTH, { eps: EPS, elementwiseAffine: false }));
  const y = layer.forward({ data: values, shape: [1, LENGTH] }).data;
  const { mean, invstd } = layer.savedStats();
  const engine = 1 / (invstd[0] as number) ** 2 - EPS;
  const found = fixed ? engine : naive;
  const shown = fixed ? y : values.map((value) => (value - (mean[0] as number)) / Math.sqrt(naive + EPS));
  const deviation = Math.sqrt(variance(shown));
  const fine = Math.abs(found / truth - 1) < 0.01;
  return {
    figures: [
      { label: 'variance', value: found, expected: truth, fine },
      { label: 'standard deviation of the output', value: deviation, expected: Math.sqrt(truth / (truth + EPS)), fine },
    ],
    table: {
      label: 'The same variance, computed in other ways',
      columns: ['way', 'variance'],
      rows: [
        ['float64, two passes', brief(truth)],
        ['float32, E[x²] − E[x]², pairwise sums', brief(naive)],
        ['float32, E[x²] − E[x]², one sum', brief(inOneSum(values))],
        ['float32, Welford', brief(welford(values))],
        ['this engine', brief(engine)],
      ],
    },
    verdict: fixed
      ? `Taking the mean away first keeps the variance: ${brief(engine)}, with the output's deviation at ${brief(deviation)}.`
      : `Of values about 100 with deviation 0.01 the variance is ${brief(truth)}. E[x²] and E[x]² are both about 10,000, where float32 has steps of 0.00098: their difference is ${brief(naive)}, and the output ${Number.isNaN(deviation) ? 'is not a number' : `has the deviation ${brief(deviation)}`}.`,
  };
};

/** In float32, half and half: the least error that a plain sum can have. */
function pairwise(values: Float32Array): number {
  if (values.length <= 8) return values.reduce((total, value) => fround(total + value), 0);
  const half = values.length >> 1;
  return fround(pairwise(values.subarray(0, half)) + pairwise(values.subarray(half)));
}

function inOneSum(values: Float32Array): number {
  let [total, squares] = [0, 0];
  for (const value of values) {
    total = fround(total + value);
    squares = fround(squares + fround(value * value));
  }
  return fround(fround(squares / LENGTH) - fround(fround(total / LENGTH) ** 2));
}

function welford(values: Float32Array): number {
  let [centre, squares] = [0, 0];
  values.forEach((value, i) => {
    const before = fround(value - centre);
    centre = fround(centre + fround(before / (i + 1)));
    squares = fround(squares + fround(before * fround(value - centre)));
  });
  return fround(squares / LENGTH);
}
