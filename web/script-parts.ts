import { createHash } from 'node:crypto';
import type { Plugin } from 'vite';

const EXPORT = /export\{([^{}]*)\};?\s*$/;
const IMPORT = /import\{([^{}]*)\}from"([^"]*)";?/g;

/**
 * Lets the parts of a script reach the script itself not by its address, which may have a query or be another's than that of the
 * folder they stand in, and would then be a second copy with state of its own; but by a key of the global object that is of
 * this very build.
 */
export function scriptParts(): Plugin {
  return {
    name: 'normlab-script-parts',
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
      const entry = chunks.find(({ isEntry }) => isEntry);
      const [found, list] = entry?.code.match(EXPORT) ?? [];
      if (!entry || !found || list === undefined) throw new Error('the script gives nothing to its parts');
      const version = createHash('sha256').update(entry.code).digest('hex').slice(0, 12);
      const place = `globalThis[Symbol.for("normlab-element ${version}")]`;
      const given = pairs(list).map(([local, name]) => `${name}:${local}`);
      const own = this.getModuleInfo(entry.facadeModuleId ?? '')?.exports ?? [];
      const kept = list.split(',').filter((item) => own.includes(pairs(item)[0]?.[1] ?? ''));
      entry.code = `${entry.code.slice(0, -found.length)}${place}??={${given}};export{${kept}};\n`;
      const refuse = '(()=>{throw Error("it is of another version of normlab-element.js")})()';
      for (const chunk of chunks) {
        if (chunk === entry) continue;
        chunk.code = chunk.code.replace(IMPORT, (whole, names: string, from: string) => {
          if (!from.endsWith(`/${entry.fileName}`)) return whole;
          const taken = pairs(names).map(([name, local]) => `${name}:${local}`);
          return `const{${taken}}=${place}??${refuse};`;
        });
        if (chunk.code.includes(`/${entry.fileName}"`)) throw new Error(`${chunk.fileName} imports ${entry.fileName}`);
      }
    },
  };
}

/** Of `a as b,c`. */
const pairs = (list: string): [string, string][] =>
  list.split(',').map((item) => {
    const [one = '', other = one] = item.trim().split(/\s+as\s+/);
    return [one, other];
  });
