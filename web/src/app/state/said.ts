import { signal } from '@preact/signals';

/** Long enough to be read, short enough not to stand about. */
const SHOWN_MS = 4000;

/** What has just been done, in a few words; empty when there is nothing to tell. */
export const said = signal('');

let timer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
  clearTimeout(timer);
  said.value = text;
  timer = setTimeout(() => {
    said.value = '';
  }, SHOWN_MS);
}
