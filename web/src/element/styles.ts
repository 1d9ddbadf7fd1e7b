import { effect, signal } from '@preact/signals';

/** What other styles count on comes before them, and what is otherwise in a figure after them, whichever is loaded first. */
const ORDER = ['tokens', 'base', 'controls', 'train'];
const LAST = 'figure';

interface Styles {
  place: number;
  sheet: CSSStyleSheet;
}

/** Of the parts that have been loaded, shared by all elements. Policies that forbid inline styles allow these. */
const sheets = signal<readonly Styles[]>([]);

/** What becomes of an imported style sheet in the element's build. */
export function addStyles(name: string, css: string): void {
  // Without a document, as in Node, nothing is shown.
  if (!('CSSStyleSheet' in globalThis)) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  const known = ORDER.indexOf(name);
  const place = name === LAST ? ORDER.length + 1 : known < 0 ? ORDER.length : known;
  sheets.value = [...sheets.peek(), { place, sheet }].sort((one, other) => one.place - other.place);
}

/** Gives the styles to a shadow root, those of parts that come later too. Returns what ends that. */
export function dress(root: ShadowRoot): () => void {
  return effect(() => {
    root.adoptedStyleSheets = sheets.value.map(({ sheet }) => sheet);
  });
}
