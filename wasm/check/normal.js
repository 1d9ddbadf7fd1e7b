/** Beyond this erf is ±1 in float64. */
const FAR = 6;

/**
 * The error function, by a series of positive terms:
 *
 *     erf(x) = 2 / √π * exp(-x²) * Σ over k of 2^k x^(2k+1) / (1 * 3 * … * (2k+1))
 *
 * @param {number} x
 */
function erf(x) {
  if (Math.abs(x) > FAR) return Math.sign(x);
  let term = x;
  let sum = 0;
  for (let k = 0; sum + term !== sum; k++) {
    sum += term;
    term *= (2 * x * x) / (2 * k + 3);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** @param {number} x @returns {number} the probability that a standard normal variable is below x */
export const normCdf = (x) => 0.5 * (1 + erf(x / Math.SQRT2));
