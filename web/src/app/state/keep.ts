import { effect, signal } from '@preact/signals';
import { HASH_VERSION, readHash, writeHash } from '../hash';
import { defaults } from '../settings';
import type { LabModel } from './lab';
import { pageAddress } from './page-address';
import { say } from './said';

const KEY = 'normlab-state';
const SAVE_MS = 300;

/** The page was opened without a state, and shows that of the last visit. */
export const restored = signal(false);

/**
 * Opens the page as it was left, where its address names no state. What is stored may be of another version of the page, or
 * of anybody: it is read as a link is, and what it has of nonsense is not worth a word.
 */
export function restore(): void {
  if (pageAddress.read().length > 1) return;
  const stored = read();
  if (!stored?.startsWith(`#v=${HASH_VERSION}&`)) return;
  const config = { ...readHash(stored).config, embed: false };
  history.replaceState(null, '', writeHash(config));
  restored.value = writeHash({ ...config, view: defaults.view }) !== writeHash(defaults);
}

/** Stores every state of the page from now on. What is embedded elsewhere is not the reader's own page. */
export function keep(lab: LabModel): void {
  if (lab.config.peek().embed) return;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    write(writeHash(lab.config.peek()));
  };
  let first = true;
  effect(() => {
    lab.config.value;
    clearTimeout(timer);
    // To look at somebody's link is not to settle for it.
    if (!first) timer = setTimeout(save, SAVE_MS);
    first = false;
  });
  addEventListener('pagehide', () => timer !== undefined && save());
}

/** Back to the settings that the page begins with, on the tab that is open. */
export function startFresh(lab: LabModel): void {
  restored.value = false;
  say('All settings are as at first. Undo brings yours back.');
  lab.apply({ ...defaults, view: lab.config.peek().view, embed: lab.config.peek().embed });
}

// Storage is refused in private windows and in some iframes, and may be full: the settings then last as long as the page.
function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function write(hash: string): void {
  try {
    localStorage.setItem(KEY, hash);
  } catch {
    // See above.
  }
}
