import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Modules that a build has others for; both named from this folder. */
export function instead(others: Record<string, string>): Plugin {
  const known = new Map(Object.entries(others).map(([module, other]) => [path(module), path(other)]));
  return {
    name: 'normlab-instead',
    enforce: 'pre',
    async resolveId(source, importer, options) {
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      return found && known.has(found.id) ? known.get(found.id) : null;
    },
  };
}
