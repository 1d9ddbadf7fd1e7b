/**
 * What an operator's test comes to in the engine.
 *
 * A case counts as expressed where all arithmetic of its operator is the engine's: each sum, product, maximum, exponential.
 * The test itself
 *   - puts values in another order (reshape, transpose, select, repeat),
 *   - puts constants into weights (a kernel among zeros, two matrices side by side),
 *   - turns a mean into the sum or a softmax's gradient into the softmax: multiplies by counts and adds one-hot rows.
 * A case for which that is not enough throws NotExpressible, with what the engine lacks.
 *
 * @typedef {import('./arrays.js').Values} Values
 * @typedef {import('normlab').Engine} Engine
 *
 * @typedef {object} Operator one node of an ONNX graph with the values that reach it
 * @property {string} op
 * @property {Record<string, any>} attributes
 * @property {number} opset of the default domain
 * @property {(Values | undefined)[]} inputs
 * @property {number} outputs how many of its outputs are wanted
 * @property {(how: string) => void} rewritten says how a case was put where the engine has no option of that name
 */

export class NotExpressible extends Error {}
