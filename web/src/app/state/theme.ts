import { signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const KEY = 'normlab-theme';
const preference = matchMedia('(prefers-color-scheme: dark)');

/** The theme in use: the reader's choice where one was made, the system's otherwise. */
export const theme = signal<Theme>(stored() ?? system());

preference.addEventListener('change', () => {
  if (!stored()) theme.value = system();
});

theme.subscribe((value) => {
  document.documentElement.dataset.theme = value;
});

export function toggleTheme(): void {
  const value = theme.peek() === 'dark' ? 'light' : 'dark';
  theme.value = value;
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // Storage is refused in some iframes; the choice then lasts as long as the page.
  }
}

function system(): Theme {
  return preference.matches ? 'dark' : 'light';
}

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : null;
  } catch {
    return null;
  }
}
