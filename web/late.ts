import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const LAZY = fileURLToPath(new URL('src/app/components/lazy.tsx', import.meta.url));
const PREFIX = '\0late:';

/**
 * Has components fetched as they come in sight, which the page has at hand: in a script that stands in pages of others, every
 * byte waits for all before it. By their modules, each with what it exports.
 */
export function late(components: Record<string, string>): Plugin {
  const known = new Map(
    Object.entries(components).map(([module, name]) => [fileURLToPath(new URL(module, import.meta.url)), name]),
  );
  return {
    name: 'normlab-late',
    enforce: 'pre',
    async resolveId(source, importer, options) {
      if (importer?.startsWith(PREFIX)) return null;
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      return found && known.has(found.id) ? PREFIX + found.id : null;
    },
    load(id) {
      if (!id.startsWith(PREFIX)) return null;
      const module = id.slice(PREFIX.length);
      const name = known.get(module) as string;
      const load = `() => import(${JSON.stringify(module)}).then((module) => ({ default: module.${name} }))`;
      return `import { lazy } from ${JSON.stringify(LAZY)};\nexport const ${name} = lazy(${load}, { inSight: true });\n`;
    },
  };
}
