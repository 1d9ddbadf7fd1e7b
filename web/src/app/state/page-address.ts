import type { Address } from './surroundings';

/** `embed.html` is the page as a hash with this has it, whatever its own says. */
const FRAMED = 'embed=1';
const framed = document.documentElement.hasAttribute('data-embed');

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
  // The first of two is the one that is read.
  read: () => (framed ? `#${FRAMED}&${location.hash.slice(1)}` : location.hash),
  write: (hash) => write(framed ? hash.replace(`&${FRAMED}`, '') : hash),
  listen(listener) {
    window.addEventListener('hashchange', listener);
    return () => window.removeEventListener('hashchange', listener);
  },
};
