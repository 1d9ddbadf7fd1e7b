const MINUS = '−';
/** A space at which no line ends. */
const GAP = '\u00a0';

/** A number in few characters: whole ones in full, others with four or five digits, small ones with two. */
export function brief(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value < 0 ? `${MINUS}∞` : '∞';
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (Number.isInteger(value) && size < 1e6) return value.toLocaleString('en').replace('-', MINUS);
  if (size >= 1e6 || size < 1e-3) {
    const [digits, exponent] = value.toExponential(1).split('e');
    return `${digits}${GAP}·${GAP}10${superscript(Number(exponent))}`.replace('-', MINUS);
  }
  return String(Number(value.toPrecision(size < 1 ? 4 : 5))).replace('-', MINUS);
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}${GAP}%`;
}

function superscript(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]);
  return `${exponent < 0 ? '⁻' : ''}${digits.join('')}`;
}

export function mean(values: ArrayLike<number>): number {
  return sum(values) / values.length;
}

export function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  return total;
}

/** With divisor m, in float64. */
export function variance(values: ArrayLike<number>): number {
  const centre = mean(values);
  return mean(Array.from(values, (value) => (value - centre) ** 2));
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs((a[i] as number) - (b[i] as number)));
  return most;
}

/** ‖a − b‖ / ‖b‖ */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [apart, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    apart += ((a[i] as number) - (b[i] as number)) ** 2;
    size += (b[i] as number) ** 2;
  }
  return Math.sqrt(apart / size);
}

export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

/** 1 to n */
export const counted = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
