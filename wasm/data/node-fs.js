/**
 * Node's file system, or null elsewhere. Asked of the process and not imported, so that bundlers for browsers do not see
 * it and no call has to wait for it.
 *
 * @returns {typeof import('node:fs') | null}
 */
export function nodeFs() {
  return globalThis.process?.getBuiltinModule?.('node:fs') ?? null;
}

/** @param {unknown} error @returns {string} what went wrong with a file, e.g. `ENOENT`, or the message */
export function reason(error) {
  return /** @type {NodeJS.ErrnoException} */ (error)?.code ?? String(error);
}
