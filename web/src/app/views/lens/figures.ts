const minus = (text: string) => text.replace('-', '−');

/** With so many decimals. */
export function fixed(value: number, decimals = 4): string {
  const text = value.toFixed(Math.max(0, Math.min(12, decimals)));
  return minus(Number(text) === 0 ? text.replace('-', '') : text);
}

/** With so many digits that count; very small and very large ones as 1.5e−7. */
export function significant(value: number, digits = 5): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e7) return minus(value.toExponential(digits - 1).replace('e+', 'e')).replace('e-', 'e−');
  return minus(value.toPrecision(digits));
}

/** As short as it is exact: 1e−5, 0.25. */
export function plain(value: number): string {
  const text = value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);
  return minus(text).replace('e-', 'e−');
}

/** Decimals at which a value is known to a ten-thousandth of this spread. */
export function decimalsFor(spread: number): number {
  return spread > 0 && Number.isFinite(spread) ? Math.max(0, Math.min(12, 4 - Math.floor(Math.log10(spread)))) : 4;
}
