import { signal } from '@preact/signals';
import type { Look } from '../../worker/protocol';

/** Looks that are kept at most; every second is dropped each time they would become more. */
const CAPACITY = 96;

/** What was seen inside a run, from its beginning to now, in a bounded number of looks. */
export class LookHistory {
  /** Ascending in steps; the newest is always among them. */
  readonly looks = signal<readonly Look[]>([]);
  /** Of so many looks one is kept. */
  #stride = 1;
  #count = 0;

  push(look: Look): void {
    const known = this.looks.peek();
    // A run that goes on from a checkpoint comes by steps that were looked at before.
    if (look.step < (known.at(-1)?.step ?? 0)) return;
    // The newest gives way where it was not the turn of one to be kept.
    let kept = (this.#count - 1) % this.#stride === 0 ? known : known.slice(0, -1);
    if (kept.length === CAPACITY) {
      kept = kept.filter((_, i) => i % 2 === 0);
      this.#stride *= 2;
    }
    this.#count++;
    this.looks.value = [...kept, look];
  }
}
