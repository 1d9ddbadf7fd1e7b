/** @param {ArrayLike<number>} row @returns {number} the first largest */
const best = (row) => Array.prototype.reduce.call(row, (at, value, i) => (value > row[at] ? i : at), 0);

/** @param {{ data: Float32Array, shape: number[] }} logits `[N, K]` @returns {number[]} */
export function predictions({ data, shape: [n, classes] }) {
  return Array.from({ length: n }, (_, i) => best(data.subarray(i * classes, (i + 1) * classes)));
}

/**
 * Mean cross-entropy and accuracy, in float64.
 *
 * @param {{ data: Float32Array, shape: number[] }} logits `[N, K]`
 * @param {ArrayLike<number>} labels
 */
export function crossEntropy(logits, labels) {
  const [n, classes] = logits.shape;
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const row = Array.from(logits.data.subarray(i * classes, (i + 1) * classes));
    const most = Math.max(...row);
    loss += Math.log(row.reduce((sum, value) => sum + Math.exp(value - most), 0)) + most - row[labels[i]];
  }
  const hits = predictions(logits).filter((guess, i) => guess === labels[i]).length;
  return { loss: loss / n, accuracy: hits / n };
}
