import * as Comlink from 'comlink';
import type { Failure, SessionApi, SessionEvent } from '../../worker/protocol';
import type { Arguments, Method, Result, ServiceName } from '../../worker/services';
import { theHub } from './hub';

/** A session, seen from the page. */
export interface Client {
  readonly session: Comlink.Remote<SessionApi>;
  /** Rejects with a Refusal, also when the worker ends before it has answered. */
  ask<S extends ServiceName, M extends Method<S>>(service: S, method: M, args: Arguments<S, M>): Promise<Result<S, M>>;
  /** Ends the session, and with `hung` the thread that it is in. */
  end(hung: boolean): void;
}

/** Why the worker did not answer a question. */
export class Refusal extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/**
 * Opens a session in the thread that all of this page share. `onDeath` is told when the thread itself fails, as opposed to
 * the engine inside it, which reports `dead` as an event.
 */
export function connect(onEvent: (event: SessionEvent) => void, onDeath: (failure: Failure) => void): Client {
  const { port1, port2 } = new MessageChannel();
  const events = new MessageChannel();
  const session = Comlink.wrap<SessionApi>(port1);
  const hub = theHub();
  let over: Failure | null = null;
  const unanswered = new Set<(refusal: Refusal) => void>();
  const finish = (message: string): Failure => {
    over = { name: 'WorkerError', code: 'worker', message };
    for (const reject of unanswered) reject(new Refusal(over));
    // Ports and what listens to them last as long as nobody closes them; what was sent before still arrives.
    session[Comlink.releaseProxy]();
    port1.close();
    events.port1.close();
    return over;
  };
  const die = (message: string) => {
    if (over) return;
    hub.leave(die);
    onDeath(finish(message));
  };
  hub.join(port2, die);
  events.port1.onmessage = ({ data }: MessageEvent<SessionEvent>) => {
    if (!over) onEvent(data);
  };
  session.open(Comlink.transfer(events.port2, [events.port2])).catch((error: Error) => die(error.message));
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
    end(hung) {
      if (over) return;
      finish('the session was ended');
      hub.leave(die);
      if (hung) hub.end('the worker did not answer and was ended');
    },
  };
}
