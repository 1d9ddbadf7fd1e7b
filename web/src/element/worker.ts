import * as Comlink from 'comlink';
import { hub } from '../worker/serve';

/** Where this script runs in a worker that it has started itself, does what that is for; else returns false. */
export function workHere(): boolean {
  if (!('WorkerGlobalScope' in globalThis)) return false;
  // Jupyter sends its files with a sandbox: the worker is of no origin then and may fetch nothing. The page's own thread may.
  if (self.origin === 'null' && /^http/.test(location.protocol))
    throw new Error('normlab: the script is sent sandboxed');
  if (self.name === 'normlab') Comlink.expose(hub);
  if (self.name === 'normlab-sweep') listenLater(() => import('../worker/sweep-lane'));
  return true;
}

/** What is said to the worker while the code that listens is fetched would be lost: it is said again when that is here. */
function listenLater(load: () => Promise<unknown>): void {
  const early: MessageEvent[] = [];
  const keep = (event: MessageEvent) => early.push(event);
  addEventListener('message', keep);
  load().then(() => {
    removeEventListener('message', keep);
    for (const { data } of early) dispatchEvent(new MessageEvent('message', { data }));
  }, reportError);
}
