/**
 * Weight Standardization (https://arxiv.org/abs/1903.10520): each row without its mean, divided by its deviation.
 *
 * @param {Float64Array} w [rows, …]
 * @param {number} rows
 */
export function standardizeRows(w, rows) {
  const standard = new Float64Array(w.length);
  const size = w.length / rows;
  for (let start = 0; start < w.length; start += size) {
    const row = w.subarray(start, start + size);
    const mean = row.reduce((sum, value) => sum + value, 0) / size;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size;
    for (let i = 0; i < size; i++) standard[start + i] = (row[i] - mean) / Math.sqrt(variance + 1e-5);
  }
  return standard;
}
