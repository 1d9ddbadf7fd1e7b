import * as Comlink from 'comlink';
import type { Failure, SessionApi, SessionEvent } from '../../worker/protocol';

/** The worker, seen from the page. */
export interface Client {
  readonly session: Comlink.Remote<SessionApi>;
  terminate(): void;
}

/**
 * Starts a worker and opens a session in it. `onDeath` is told when the worker itself fails, as opposed to the engine
 * inside it, which reports `dead` as an event.
 */
export function connect(onEvent: (event: SessionEvent) => void, onDeath: (failure: Failure) => void): Client {
  const worker = new Worker(new URL('../../worker/worker.ts', import.meta.url), { type: 'module', name: 'normlab' });
  let over = false;
  const die = (message: string) => {
    if (over) return;
    over = true;
    worker.terminate();
    onDeath({ name: 'WorkerError', code: 'worker', message });
  };
  worker.addEventListener('error', (event) => die(event.message || 'the worker script could not be run'));
  worker.addEventListener('messageerror', () => die('a message from the worker could not be read'));
  const session = Comlink.wrap<SessionApi>(worker);
  const listener = (event: SessionEvent) => {
    if (!over) onEvent(event);
  };
  session.open(Comlink.proxy(listener)).catch((error: Error) => die(error.message));
  return {
    session,
    terminate() {
      over = true;
      worker.terminate();
    },
  };
}
