/**
 * What a {@link NormlabError} is about:
 * - `argument`: a value that the call does not take;
 * - `shape`: tensors or layers whose shapes do not fit together;
 * - `state`: a call at the wrong time, e.g. after `dispose()`;
 * - `memory`: the engine could not get the memory it asked for;
 * - `format`: bytes that are not what they should be (corrupt or truncated files);
 * - `io`: a file or an address that could not be read;
 * - `unsupported`: something that this host cannot do;
 * - `diverged`: training whose loss is no longer a number;
 * - `internal`: a fault of the engine itself.
 *
 * @typedef {'argument' | 'shape' | 'state' | 'memory' | 'format' | 'io' | 'unsupported' | 'diverged' | 'internal'} ErrorCode
 */

/** The one error type of the package. Its message names the call, the argument, what was expected and what came. */
export class NormlabError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {ErrorOptions} [options] `cause`: the error underneath
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = 'NormlabError';
    /** @type {ErrorCode} */
    this.code = code;
  }
}
