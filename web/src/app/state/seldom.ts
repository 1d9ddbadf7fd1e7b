import { effect, type ReadonlySignal, signal } from '@preact/signals';
import type { Status } from './status';

/** The status line is read out by screen readers: while a situation lasts it changes no more often than this. */
const STATUS_MS = 1000;

/** The sentence of a status line: of a new situation at once, of the same one once a second. */
export function seldom(read: () => Status): ReadonlySignal<string> {
  const shown = signal('');
  let shownAt = 0;
  let shownKey = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const { key, sentence } = read();
    clearTimeout(timer);
    const show = () => {
      shownAt = performance.now();
      shownKey = key;
      shown.value = sentence;
    };
    const wait = key === shownKey ? shownAt + STATUS_MS - performance.now() : 0;
    if (wait <= 0) show();
    else timer = setTimeout(show, wait);
  });
  return shown;
}
