import { relaxedSimd, simd } from 'wasm-feature-detect';
import { moduleBytes } from './addresses.js';
import { describe } from './checks.js';
import { nodeFs, reason } from './data/node-fs.js';
import { NormlabError } from './errors.js';
import { EXPORTS } from './generated/exports.js';

/**
 * @typedef {'scalar' | 'simd' | 'relaxed'} Variant
 * @typedef {import('./generated/exports.js').Exports} Exports
 */

/**
 * The modules, fastest first: one source, compiled three times. Relaxed SIMD has fused multiply-adds, which double the
 * speed of the matrix product; not every browser has it, and a few have no SIMD at all.
 *
 * @type {{ variant: Variant, runs: () => Promise<boolean> | boolean }[]}
 */
const MODULES = [
  { variant: 'relaxed', runs: relaxedSimd },
  { variant: 'simd', runs: simd },
  { variant: 'scalar', runs: () => true },
];

/** @type {Map<Variant, Promise<WebAssembly.Module>>} engines of one page share the compiled module, not its memory */
const compiled = new Map();

/**
 * The engine's module, compiled: what may be instantiated any number of times, in other threads too.
 *
 * @param {'auto' | Variant} variant
 * @param {URL | string | BufferSource | WebAssembly.Module} [wasm] in place of the package's own modules
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compileEngine(variant, wasm) {
  const module = wasm === undefined ? await packaged(variant) : await given(wasm);
  checkInterface(module);
  return module;
}

/**
 * @param {WebAssembly.Module} module of compileEngine
 * @returns {Promise<Exports>}
 */
export async function instantiate(module) {
  const instance = await WebAssembly.instantiate(module, imports()).catch((error) => {
    // WebKit compiles in spite of a policy that forbids WebAssembly, and refuses here.
    throw error instanceof WebAssembly.CompileError ? notCompiled(error) : error;
  });
  const exports = /** @type {Exports} */ (/** @type {unknown} */ (instance.exports));
  exports._initialize?.();
  return exports;
}

/** @param {'auto' | Variant} wanted */
async function packaged(wanted) {
  const entry = wanted === 'auto' ? await best() : MODULES.find(({ variant }) => variant === wanted);
  if (!entry) {
    const known = ['auto', ...MODULES.map(({ variant }) => variant)].join(', ');
    throw new NormlabError('argument', `createEngine: variant: expected one of ${known}, got ${describe(wanted)}`);
  }
  if (!(await entry.runs())) {
    throw new NormlabError('unsupported', `createEngine: variant: this host cannot run '${wanted}'; 'auto' can`);
  }
  const { variant } = entry;
  let module = compiled.get(variant);
  if (!module) {
    module = moduleBytes(variant, read).then(compile);
    compiled.set(variant, module);
    module.catch(() => compiled.delete(variant));
  }
  return module;
}

async function best() {
  for (const entry of MODULES) if (await entry.runs()) return entry;
  throw new NormlabError('unsupported', 'createEngine: this host has no WebAssembly');
}

/** @param {URL | string | BufferSource | WebAssembly.Module} wasm */
async function given(wasm) {
  if (wasm instanceof WebAssembly.Module) return wasm;
  if (wasm instanceof ArrayBuffer) return compile(wasm);
  if (ArrayBuffer.isView(wasm)) return compile(wasm);
  if (typeof wasm !== 'string' && !(wasm instanceof URL)) {
    throw new NormlabError('argument', `createEngine: wasm: expected a URL, bytes or a module, got ${typeof wasm}`);
  }
  try {
    return compile(await read(new URL(wasm, globalThis.location?.href)));
  } catch (error) {
    if (error instanceof TypeError) {
      throw new NormlabError('argument', `createEngine: wasm: '${wasm}' is no address`, { cause: error });
    }
    throw error;
  }
}

/** @param {URL} url */
async function read(url) {
  try {
    const fs = nodeFs();
    if (fs && url.protocol === 'file:') return await fs.promises.readFile(url);
    const response = await fetch(url);
    if (response.ok) return await response.arrayBuffer();
    throw new NormlabError('io', `createEngine: ${url}: HTTP status ${response.status}`);
  } catch (error) {
    if (error instanceof NormlabError) throw error;
    throw new NormlabError('io', `createEngine: ${url}: ${reason(error)}`, { cause: error });
  }
}

/** @param {BufferSource} bytes */
async function compile(bytes) {
  try {
    // V8 takes no DataView, which is a BufferSource too.
    const isView = bytes instanceof DataView;
    const taken = isView ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
    return await WebAssembly.compile(/** @type {BufferSource} */ (taken));
  } catch (error) {
    throw notCompiled(error);
  }
}

/** Broken bytes, or a Content-Security-Policy without 'wasm-unsafe-eval': the host's own words tell which. @param {unknown} error */
function notCompiled(error) {
  const message = error instanceof Error ? error.message : String(error);
  return new NormlabError('format', `createEngine: the module does not compile: ${message}`, { cause: error });
}

function imports() {
  // Views of the memory are made anew for every use, so its growth needs no answer.
  return { env: { emscripten_notify_memory_growth: () => {} } };
}

/** @param {WebAssembly.Module} module */
function checkInterface(module) {
  const names = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const missing = EXPORTS.filter((name) => !names.has(name));
  const { env } = imports();
  const unknown = WebAssembly.Module.imports(module).filter((item) => item.module !== 'env' || !(item.name in env));
  if (missing.length > 0 || unknown.length > 0) {
    const what = missing.length > 0 ? `it lacks ${missing[0]}` : `it wants ${unknown[0].module}.${unknown[0].name}`;
    throw new NormlabError('format', `createEngine: wasm: not a Normlab module of this version: ${what}`);
  }
}
