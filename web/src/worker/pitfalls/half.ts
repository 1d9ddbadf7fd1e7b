import { brief } from './numbers';
import type { Pitfall } from './pitfall';

const N = 8;

export const half: Pitfall = (bench, fixed) => {
  const eps = fixed ? 1e-5 : 1e-8;
  const noise = bench.normal(N, 1, 8).data;
  // A channel of a dead ReLU, one that hardly varies, one as any other.
  const channels: [string, number[]][] = [
    ['all 0', new Array(N).fill(0)],
    ['0.5 ± 0.0001', Array.from(noise, (value) => toHalf(0.5 + 1e-4 * value))],
    ['mean 1, deviation 1', Array.from(noise, (value) => toHalf(1 + value))],
  ];
  const outputs = channels.map(([, values]) => normalized(values, eps));
  const broken = outputs.flat().filter((value) => !Number.isFinite(value)).length;
  const layer = bench.own(bench.nl.batchNorm1d(channels.length, { eps }));
  const data = Float32Array.from(
    { length: N * channels.length },
    (_, i) => channels[i % 3]?.[1][Math.floor(i / 3)] ?? 0,
  );
  const inFloat = layer.forward({ data, shape: [N, channels.length] }).data.filter((value) => !Number.isFinite(value));
  return {
    figures: [
      { label: 'ε as asked for', value: eps },
      { label: 'ε as half precision has it', value: toHalf(eps), fine: toHalf(eps) > 0 },
      { label: `outputs that are no number, of ${N * channels.length}`, value: broken, fine: broken === 0 },
      { label: 'the same ε in float32: outputs that are no number', value: inFloat.length, fine: inFloat.length === 0 },
    ],
    table: {
      label: 'Channels in half precision',
      columns: ['channel', 'variance', 'variance + ε', 'first output'],
      rows: channels.map(([name, values], i) => {
        const spread = halfVariance(values);
        return [name, brief(spread), brief(toHalf(spread + toHalf(eps))), brief(outputs[i]?.[0] as number)];
      }),
    },
    verdict: fixed
      ? `1e-5 is a number of half precision (${brief(toHalf(eps))}): the variance of a constant channel is no longer 0 under the root, and all outputs are finite.`
      : `1e-8 is less than half of the least number that half precision has, 6 · 10⁻⁸, and becomes 0. Where a channel is constant 0 / √0 makes ${broken} of ${N * channels.length} outputs NaN. In float32 the same ε does no harm.`,
  };
};

/** Each operation rounded to half precision, as arithmetic in it is. */
function normalized(values: number[], eps: number): number[] {
  const centre = halfMean(values);
  const scale = toHalf(1 / toHalf(Math.sqrt(toHalf(halfVariance(values) + toHalf(eps)))));
  return values.map((value) => toHalf(toHalf(value - centre) * scale));
}

function halfMean(values: number[]): number {
  return toHalf(values.reduce((total, value) => toHalf(total + value), 0) / values.length);
}

function halfVariance(values: number[]): number {
  const centre = halfMean(values);
  return halfMean(values.map((value) => toHalf(toHalf(value - centre) ** 2)));
}

/** The nearest number of 11 binary digits with exponents from −14, to even where two are as near: IEEE binary16. */
export function toHalf(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value))));
  const step = 2 ** (exponent - 10);
  const below = Math.floor(value / step);
  const rest = value / step - below;
  const steps = rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
  const rounded = steps * step;
  return Math.abs(rounded) > 65504 ? Math.sign(value) * Number.POSITIVE_INFINITY : rounded;
}
