import * as Comlink from 'comlink';
import { hub } from '../worker/serve';

/** Where this script runs in a worker that it has started itself, does what that is for; else returns false. */
export function workHere(): boolean {
  if (!('WorkerGlobalScope' in globalThis)) return false;
  if (self.name === 'normlab') Comlink.expose(hub);
  if (self.name === 'normlab-sweep') import('../worker/sweep-lane');
  return true;
}
