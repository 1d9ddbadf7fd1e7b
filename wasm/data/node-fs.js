/**
 * Node's file system, without bundlers for browsers seeing it: they would warn of it, or put a stand-in there.
 *
 * @returns {Promise<typeof import('node:fs/promises')>}
 */
export function nodeFs() {
  const name = 'node:fs/promises';
  return import(/* @vite-ignore */ name);
}

/** @param {unknown} error @returns {string} what went wrong with a file, e.g. `ENOENT`, or the message */
export function reason(error) {
  return /** @type {NodeJS.ErrnoException} */ (error)?.code ?? String(error);
}
