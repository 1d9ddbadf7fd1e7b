import { readFileSync } from 'node:fs';
import { after, describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createEngine } from 'normlab';

/** All variants, best first. */
export const VARIANTS = Object.freeze(['relaxed', 'simd', 'scalar']);

/** @param {string} variant */
export const modulePath = (variant) => fileURLToPath(import.meta.resolve(`normlab/normlab.${variant}.wasm`));

/** @param {string} variant */
export const moduleBytes = (variant) => readFileSync(modulePath(variant));

/** @param {string} variant @returns {boolean} whether this process can run it, asked of the module itself */
export const runsHere = (variant) => WebAssembly.validate(moduleBytes(variant));

/**
 * Runs `body` for each variant that this process can run. What it cannot run is skipped with a reason, or under CI=true,
 * where all three must run, fails.
 *
 * @param {(nl: import('normlab').Engine, variant: string) => void} body
 */
export async function forEachVariant(body) {
  for (const variant of VARIANTS) {
    if (!runsHere(variant) && process.env.CI !== 'true') {
      const flags = 'node $(node wasm/tools/node-flags.mjs) --test …';
      const reason = `Node ${process.version} does not validate normlab.${variant}.wasm as it was started; try: ${flags}`;
      console.warn(`SKIPPED: ${reason}`);
      describe(variant, { skip: reason }, () => {});
      continue;
    }
    const nl = await createEngine({ variant: /** @type {import('normlab').Variant} */ (variant) });
    describe(variant, () => {
      after(() => nl.dispose());
      body(nl, variant);
    });
  }
}
