import { signal } from '@preact/signals';
import type { Theme } from '../app/state/theme';

/** Which theme a place in a page has, by what is painted behind it; else by what the page says that it is made for. */
export function themeAround(element: Element): Theme {
  for (let at = parentOf(element); at; at = parentOf(at)) {
    const dark = isDark(getComputedStyle(at).backgroundColor);
    if (dark !== null) return dark ? 'dark' : 'light';
  }
  const scheme = getComputedStyle(element).colorScheme;
  const prefersDark = matchMedia('(prefers-color-scheme: dark)').matches;
  return scheme.includes('dark') && (prefersDark || !scheme.includes('light')) ? 'dark' : 'light';
}

const parentOf = (element: Element) =>
  element.parentElement ?? (element.getRootNode() as Partial<ShadowRoot>).host ?? null;

/** Null: what is behind shines through. */
function isDark(color: string): boolean | null {
  const [red = 0, green = 0, blue = 0, alpha = 1] = (color.match(/[\d.]+/g) ?? []).map(Number);
  if (!color.startsWith('rgb')) return null;
  return alpha < 0.5 ? null : 0.299 * red + 0.587 * green + 0.114 * blue < 110;
}

/** Keeps up with the page, which may switch its theme by a class or an attribute of its root or body. */
export function followTheme(element: Element, wanted: () => string | null) {
  const theme = signal<Theme>('light');
  const look = () => {
    // Sites that load the next page in place may put another body around what stays.
    watching.disconnect();
    for (const root of [document.documentElement, document.body]) watching.observe(root, { attributes: true });
    const fixed = wanted();
    theme.value = fixed === 'light' || fixed === 'dark' ? fixed : themeAround(element);
  };
  const preference = matchMedia('(prefers-color-scheme: dark)');
  const watching = new MutationObserver(look);
  look();
  preference.addEventListener('change', look);
  return {
    theme,
    look,
    stop() {
      watching.disconnect();
      preference.removeEventListener('change', look);
    },
  };
}
