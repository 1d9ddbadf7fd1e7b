import { NormlabError } from '../errors.js';

/** Exit statuses: what the user asked for is done, it failed, it was asked for wrongly; or Ctrl-C (128 + SIGINT). */
export const EXIT = Object.freeze({ done: 0, failed: 1, usage: 2, interrupted: 130 });

/** A mistake in what was typed, which names the option. */
export class UsageError extends Error {}

/**
 * Runs what depends on one option alone, so that its failure is that option's.
 *
 * @template T
 * @param {string} option as it was typed, e.g. `--data DIR`
 * @param {() => T | Promise<T>} work
 * @param {(message: string) => string} [hint] what to put behind the message
 * @returns {Promise<T>}
 */
export async function blame(option, work, hint) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NormlabError) {
      throw new UsageError(`${option}: ${error.message}${hint?.(error.message) ?? ''}`, { cause: error });
    }
    throw error;
  }
}
