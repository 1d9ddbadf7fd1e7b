import * as Comlink from 'comlink';
import { Session } from './session';

/** What a thread offers to pages: a session at the other end of each port. */
export interface HubApi {
  /** Answers as soon as the thread runs. */
  hello(): void;
  open(port: MessagePort): void;
}

/** Opens a session that works in portions of about `portionMs`; it is closed when the other end releases it. */
export function serve(port: MessagePort, portionMs?: number): void {
  const session = new Session(portionMs);
  Comlink.expose(Object.assign(session, { [Comlink.finalizer]: () => session.close() }), port);
}

export const hub: HubApi = { hello: () => {}, open: (port) => serve(port) };
