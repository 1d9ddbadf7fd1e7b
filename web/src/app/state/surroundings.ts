import type { ReadonlySignal } from '@preact/signals';
import type { Failure, SessionEvent } from '../../worker/protocol';
import type { Client } from './client';
import type { Theme } from './theme';

/** What holds the state's link, and may be given another by somebody else. */
export interface Address {
  read(): string;
  write(hash: string): void;
  /** Calls the listener when somebody else has written, and returns what ends that. */
  listen(listener: () => void): () => void;
}

/** What a lab stands in: the page, or an element among others in a page of somebody else. */
export interface Surroundings {
  readonly address: Address;
  readonly theme: ReadonlySignal<Theme>;
  /** Opens a session. */
  connect(onEvent: (event: SessionEvent) => void, onDeath: (failure: Failure) => void): Client;
  /** Images are fetched and networks made when something shows them, not before. */
  readonly frugal: boolean;
}
