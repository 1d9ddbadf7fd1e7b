import * as Comlink from 'comlink';
import type { HubApi } from '../../worker/serve';
import { startWorker } from './start-worker';

/** On the page's own thread input and drawing wait for the end of a portion. */
const SLICE_MS = 8;
/** A worker that nobody uses is kept for so long: sites that swap pages in place need it again at once. */
const GRACE_MS = 2000;

type Opening = (port: MessagePort) => unknown;
type OnDeath = (message: string) => void;

/** The thread that all sessions of a page are in: a worker, or the page's own thread where there can be none. */
class Hub {
  readonly #users = new Set<OnDeath>();
  readonly #opening = this.#begin();
  #worker: Worker | null = null;
  #grace: ReturnType<typeof setTimeout> | undefined;

  /** Has a session opened at the other end of a port. */
  join(port: MessagePort, onDeath: OnDeath): void {
    clearTimeout(this.#grace);
    this.#users.add(onDeath);
    this.#opening.then(
      (open) => (this.#users.has(onDeath) ? open(port) : port.close()),
      ({ message }: Error) => this.#users.has(onDeath) && onDeath(message),
    );
  }

  leave(user: OnDeath): void {
    if (this.#users.delete(user) && this.#users.size === 0) this.#grace = setTimeout(() => this.end(''), GRACE_MS);
  }

  /** Ends the worker, and tells those whose sessions were in it. */
  end(message: string): void {
    if (current === this) current = null;
    clearTimeout(this.#grace);
    this.#worker?.terminate();
    for (const user of [...this.#users]) user(message);
    this.#users.clear();
  }

  async #begin(): Promise<Opening> {
    try {
      return await this.#inWorker();
    } catch {
      const { serve } = await import('../../worker/serve');
      return (port) => serve(port, SLICE_MS);
    }
  }

  /** Policies and sandboxes that forbid workers do so by an exception or, later, by an event. */
  async #inWorker(): Promise<Opening> {
    const worker = startWorker();
    const api = Comlink.wrap<HubApi>(worker);
    const failed = new Promise<never>((_, reject) => {
      worker.addEventListener('error', ({ message }) => {
        reject(new Error(message));
        if (this.#worker) this.end(message || 'the worker script could not be run');
      });
    });
    failed.catch(() => worker.terminate());
    await Promise.race([api.hello(), failed]);
    // Everybody left before it had begun.
    if (current !== this) worker.terminate();
    worker.addEventListener('messageerror', () => this.end('a message from the worker could not be read'));
    this.#worker = worker;
    return (port) => api.open(Comlink.transfer(port, [port]));
  }
}

let current: Hub | null = null;

export function theHub(): Hub {
  current ??= new Hub();
  return current;
}
