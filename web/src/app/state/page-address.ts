import type { Address } from './surroundings';

let unwritten: ReturnType<typeof setTimeout> | undefined;

function write(hash: string): void {
  clearTimeout(unwritten);
  if (location.hash === hash) return;
  try {
    window.history.replaceState(null, '', hash);
  } catch {
    // Firefox throws where Chromium does nothing.
  }
  // Browsers let a page change its address about 20 times a second; a slider that is dragged can ask for more.
  if (location.hash !== hash) unwritten = setTimeout(write, 1000, hash);
}

/** The fragment of the page's address. */
export const pageAddress: Address = {
  read: () => location.hash,
  write,
  listen(listener) {
    window.addEventListener('hashchange', listener);
    return () => window.removeEventListener('hashchange', listener);
  },
};
