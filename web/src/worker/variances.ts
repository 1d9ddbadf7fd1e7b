import { moments, normals } from './lens-input';

export interface Variances {
  naive: number;
  twoPass: number;
  welford: number;
}

const f = Math.fround;

/** Values of standard deviation 1 about a mean, as float32 can hold them. */
export function farValues(mean: number, count: number, seed: number): Float32Array {
  const draw = normals(seed, -3);
  return Float32Array.from({ length: count }, () => mean + draw());
}

/** The biased variance in float32, each operation rounded; no sum is held in anything wider. */
export function variances32(values: Float32Array): Variances {
  const m = values.length;
  let [sum, squares, mean, moment] = [0, 0, 0, 0];
  for (let i = 0; i < m; i++) {
    const x = values[i] as number;
    sum = f(sum + x);
    squares = f(squares + f(x * x));
    const delta = f(x - mean);
    mean = f(mean + f(delta / (i + 1)));
    moment = f(moment + f(delta * f(x - mean)));
  }
  const average = f(sum / m);
  let deviations = 0;
  for (const x of values) {
    const deviation = f(x - average);
    deviations = f(deviations + f(deviation * deviation));
  }
  return { naive: f(f(squares / m) - f(average * average)), twoPass: f(deviations / m), welford: f(moment / m) };
}

/** The biased variance of the same values in float64, by two passes. */
export function variance64(values: ArrayLike<number>): number {
  const [, variance] = moments(values);
  return variance;
}
