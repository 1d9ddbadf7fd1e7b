import * as Comlink from 'comlink';
import type { Failure, SessionApi, SessionEvent } from '../../worker/protocol';
import type { Arguments, Method, Result, ServiceName } from '../../worker/services';

/** The worker, seen from the page. */
export interface Client {
  readonly session: Comlink.Remote<SessionApi>;
  /** Rejects with a Refusal, also when the worker ends before it has answered. */
  ask<S extends ServiceName, M extends Method<S>>(service: S, method: M, args: Arguments<S, M>): Promise<Result<S, M>>;
  terminate(): void;
}

/** Why the worker did not answer a question. */
export class Refusal extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/**
 * Starts a worker and opens a session in it. `onDeath` is told when the worker itself fails, as opposed to the engine
 * inside it, which reports `dead` as an event.
 */
export function connect(onEvent: (event: SessionEvent) => void, onDeath: (failure: Failure) => void): Client {
  const worker = new Worker(new URL('../../worker/worker.ts', import.meta.url), { type: 'module', name: 'normlab' });
  let over: Failure | null = null;
  const unanswered = new Set<(refusal: Refusal) => void>();
  const end = (failure: Failure) => {
    over = failure;
    worker.terminate();
    for (const reject of unanswered) reject(new Refusal(failure));
  };
  const die = (message: string) => {
    if (over) return;
    const failure = { name: 'WorkerError', code: 'worker', message };
    end(failure);
    onDeath(failure);
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
    ask: (service, method, args) =>
      new Promise((resolve, reject) => {
        if (over) return reject(new Refusal(over));
        unanswered.add(reject);
        const ports = args.filter((arg) => arg instanceof MessagePort);
        session
          .ask(service, method, ports.length > 0 ? Comlink.transfer([...args], ports) : args)
          .then(
            (answer) => ('value' in answer ? resolve(answer.value as never) : reject(new Refusal(answer.failure))),
            ({ message }: Error) => reject(new Refusal({ name: 'WorkerError', code: 'worker', message })),
          )
          .finally(() => unanswered.delete(reject));
      }),
    terminate: () => end({ name: 'WorkerError', code: 'worker', message: 'the worker was ended' }),
  };
}
