import { minify } from 'terser';
import type { Plugin } from 'vite';

/** Minifies once more what is minified, 1 % that many pages fetch, and puts a notice before the script. */
export function smaller(notice: string): Plugin {
  return {
    name: 'normlab-smaller',
    enforce: 'post',
    generateBundle: {
      order: 'pre',
      async handler(_, bundle) {
        for (const chunk of Object.values(bundle)) {
          if (chunk.type !== 'chunk') continue;
          // Reading a signal's value is what subscribes to it: no getter is without effect.
          const compress = { ecma: 2020, passes: 3, pure_getters: false } as const;
          const { code } = await minify(chunk.code, { module: true, ecma: 2020, compress });
          chunk.code = notice + (code ?? chunk.code);
        }
      },
    },
  };
}
