/* In place of `wasm/sweep/threads.js` in builds of one script: the page starts the workers of a sweep, and none starts others. */

import { NormlabError } from 'normlab/core';

export const hasThreads = () => false;
export const cores = () => 1;

export function startThread(): never {
  throw new NormlabError('unsupported', 'sweep: there are no threads here');
}
