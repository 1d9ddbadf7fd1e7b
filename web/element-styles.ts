import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'lightningcss';
import type { Plugin } from 'vite';

const PREFIX = '\0styles:';
const STYLES = fileURLToPath(new URL('src/element/styles.ts', import.meta.url));

/**
 * Style sheets as the element takes them: of its shadow root, not of the document; in a unit of its own, for the page may give
 * `rem` any size; and as wide as the element is, not the window.
 */
export function forElement(css: string): string {
  return css
    .replaceAll(/:root:not\([^)]*\)|:root\b/g, ':host')
    .replaceAll(/^html\b/gm, '.framed')
    .replaceAll(/@container[^{]*/g, (rule) => rule.replaceAll(/([\d.]+)rem\b/g, (_, size) => `${15 * size}px`))
    .replaceAll(/(?<![\w-])(-?[\d.]+)rem\b/g, 'calc($1 * var(--rem))')
    .replaceAll(/@media \(((?:min|max)-width)/g, '@container norm-lab ($1');
}

/** Has every imported style sheet given to the elements instead of the document. */
export function elementStyles(): Plugin {
  return {
    name: 'normlab-element-styles',
    enforce: 'pre',
    // By another name: what is called .css Vite takes into its own hands.
    async resolveId(source, importer) {
      if (!source.endsWith('.css')) return null;
      const found = await this.resolve(source, importer, { skipSelf: true });
      return found && `${PREFIX}${found.id}.js`;
    },
    load(id) {
      if (!id.startsWith(PREFIX)) return null;
      const file = id.slice(PREFIX.length, -'.js'.length);
      const code = Buffer.from(forElement(readFileSync(file, 'utf8')));
      const css = transform({ filename: file, code, minify: true }).code.toString();
      return `import { addStyles } from ${JSON.stringify(STYLES)};\naddStyles(${JSON.stringify(basename(file, '.css'))}, ${JSON.stringify(css)});`;
    },
  };
}
