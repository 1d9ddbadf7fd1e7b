import { NormlabError } from 'normlab/core';
import type { Failure } from './protocol';

export function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', code: 'unknown', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
  return { name: error.name, code, message: error.message };
}

/** A fault of the engine itself, such as a trap: nothing of it may be used any more. */
export function isFatal(error: unknown): boolean {
  return error instanceof NormlabError && error.code === 'internal';
}
