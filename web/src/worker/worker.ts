import * as Comlink from 'comlink';
import type { SessionApi } from './protocol';
import { Session } from './session';

const session: SessionApi = new Session((listener, event, transfer) =>
  listener(Comlink.transfer(event, transfer as Transferable[])),
);

Comlink.expose(session);
