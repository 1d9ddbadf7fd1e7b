import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createEngine } from 'normlab';
import { relaxedSimd, simd } from 'wasm-feature-detect';
import { failure } from './support/assertions.js';
import { forEachVariant, moduleBytes, modulePath, runsHere, VARIANTS } from './support/variants.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const X = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] };

/** That it computes: the first channel of X is -√1.5, 0, √1.5. */
function computes(nl) {
  const { data, shape } = nl.batchNorm1d(2).forward(X);
  assert.deepEqual(shape, [3, 2]);
  assert.ok(Math.abs(data[4] - Math.sqrt(1.5)) < 1e-5, `${data[4]}`);
}

/** @param {Uint8Array} bytes of a module */
const module = (bytes) => new WebAssembly.Module(bytes);

/** An empty module: valid WebAssembly, and no engine. */
const EMPTY = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);

describe('createEngine', () => {
  test("'auto' takes the best that this process can run, and is the default", async () => {
    const best = VARIANTS.find(runsHere);
    for (const options of [undefined, {}, { variant: 'auto' }, { variant: undefined }]) {
      const nl = await createEngine(options);
      assert.equal(nl.variant, best);
      computes(nl);
      nl.dispose();
    }
  });

  test('the modules validate where the features are', async () => {
    assert.equal(runsHere('scalar'), true);
    assert.equal(runsHere('simd'), await simd());
    assert.equal(runsHere('relaxed'), await relaxedSimd());
  });

  test('a variant that is no variant is refused, with those that are', async () => {
    for (const variant of ['fast', '', 'toString', null, 1, ['simd']]) {
      const known = ['variant', 'auto', 'relaxed', 'simd', 'scalar'];
      await assert.rejects(createEngine({ variant }), failure('argument', known));
    }
    computes(await createEngine());
  });

  test('unknown and wrong options are refused', async () => {
    await assert.rejects(createEngine({ varient: 'simd' }), failure('argument', ["'varient'", 'variant, wasm']));
    await assert.rejects(createEngine(null), failure('argument', 'options'));
    await assert.rejects(createEngine('simd'), failure('argument', 'options'));
    computes(await createEngine());
  });

  test('where relaxed SIMD is missing, auto does without and asking for it is a clear error', () => {
    // Without flags, and with it taken away where a newer Node has it by itself.
    const script = `
      import { createEngine } from 'normlab';
      const without = (bytes) => !Buffer.from(bytes).includes(Buffer.from([0xfd, 0x80, 0x02]));
      const { validate } = WebAssembly;
      WebAssembly.validate = (bytes) => validate(bytes) && without(bytes);
      const nl = await createEngine();
      const error = await createEngine({ variant: 'relaxed' }).catch((caught) => caught);
      console.log(JSON.stringify({ variant: nl.variant, name: error.name, code: error.code, message: error.message }));`;
    const { variant, name, code, message } = inChild(script, []);
    assert.equal(variant, 'simd');
    assert.equal(name, 'NormlabError');
    assert.equal(code, 'unsupported');
    assert.match(message, /createEngine.*relaxed/);
  });

  test('engines do not share memory', async () => {
    const [one, other] = [await createEngine(), await createEngine()];
    const layer = other.batchNorm1d(2);
    one.batchNorm1d(2).forward(X);
    one.dispose();
    assert.deepEqual(layer.stateDict().running_mean.data, Float32Array.of(0, 0));
    computes(other);
    other.dispose();
  });

  test('after dispose it says so, and its memory is given up', async () => {
    const nl = await createEngine();
    assert.ok(nl.memory.bytes > 0);
    nl.dispose();
    nl.dispose();
    assert.throws(() => nl.batchNorm1d(2), failure('state', 'disposed'));
    assert.equal(nl.memory.bytes, 0);
  });
});

describe('the wasm option', () => {
  const bytes = moduleBytes('scalar');
  const made = async (wasm) => {
    const nl = await createEngine({ wasm });
    assert.equal(nl.variant, 'scalar', 'the module says which variant it is');
    computes(nl);
    nl.dispose();
  };

  test('takes bytes of any kind', async () => {
    await made(bytes);
    const { buffer } = Uint8Array.from(bytes);
    await made(buffer);
    await made(new DataView(buffer));
    const framed = new Uint8Array(bytes.length + 10);
    framed.set(bytes, 7);
    await made(framed.subarray(7, 7 + bytes.length));
  });

  test('takes a URL, as such or as text', async () => {
    const url = pathToFileURL(modulePath('scalar'));
    await made(url);
    await made(url.href);
    await made(new URL(`data:application/wasm;base64,${bytes.toString('base64')}`));
  });

  test('takes what a server has, and reports what it has not', async () => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/normlab.wasm' ? 200 : 404).end(bytes);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const base = `http://127.0.0.1:${server.address().port}`;
      await made(new URL(`${base}/normlab.wasm`));
      await assert.rejects(createEngine({ wasm: new URL(`${base}/none.wasm`) }), failure('io', ['none.wasm', '404']));
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    const gone = `http://127.0.0.1:${1}/normlab.wasm`;
    await assert.rejects(createEngine({ wasm: gone }), failure('io', gone));
  });

  test('wrong bytes are an error, and no engine', async () => {
    const truncated = bytes.subarray(0, bytes.length / 2);
    const broken = Uint8Array.from(bytes);
    broken.fill(0xff, 1000, 1100);
    const text = new TextEncoder().encode('<!doctype html>');
    for (const wasm of [new Uint8Array(0), text, truncated, broken, EMPTY, new ArrayBuffer(8)]) {
      await assert.rejects(createEngine({ wasm }), failure('format', 'createEngine'));
    }
    await made(bytes);
  });

  test('a module of something else is named for what it lacks or wants', async () => {
    await assert.rejects(createEngine({ wasm: EMPTY }), failure('format', ['createEngine', 'nl_last_error']));
  });

  test('what is neither bytes nor a URL is refused', async () => {
    for (const wasm of [null, 3, true, {}, [0, 97, 115, 109], 'no address']) {
      await assert.rejects(createEngine({ wasm }), failure('argument', ['createEngine', 'wasm']));
    }
    const missing = pathToFileURL(`${ROOT}none/normlab.wasm`);
    await assert.rejects(createEngine({ wasm: missing }), failure('io', ['createEngine', 'none/normlab.wasm']));
  });
});

describe('the modules', () => {
  // The allocator says that it grew the memory; nothing else is asked of the host.
  const IMPORTS = ['env.emscripten_notify_memory_growth'];
  // What the C library and the linker add to the functions of the header.
  const RUNTIME = ['memory', '_initialize', '__indirect_function_table', '__errno_location'];
  const STACK = /^(stack(Save|Restore|Alloc)|_?emscripten_stack_\w+)$/;
  const header = readFileSync(`${ROOT}src/normlab.h`, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const declared = [...header.matchAll(/^NL_API\b[^;(]*?(\w+)\s*\(/gm)].map(([, name]) => name).sort();

  // They can be looked into only where they validate: with relaxed SIMD if this process has it.
  for (const variant of VARIANTS.filter((name) => runsHere(name) || process.env.CI === 'true')) {
    test(`${variant}: under 200 KB, and imports a function that is expected`, () => {
      const { size } = statSync(modulePath(variant));
      assert.ok(size < 200 * 1024, `${size} bytes`);
      const imports = WebAssembly.Module.imports(module(moduleBytes(variant)));
      assert.deepEqual(
        imports.map(({ module: from, name, kind }) => `${kind} ${from}.${name}`),
        IMPORTS.map((name) => `function ${name}`),
      );
    });

    test(`${variant}: exports the functions of src/normlab.h and no others`, () => {
      const exported = WebAssembly.Module.exports(module(moduleBytes(variant)));
      const functions = exported.filter(({ kind }) => kind === 'function').map(({ name }) => name);
      assert.ok(declared.length > 30, `${declared.length} declarations`);
      assert.deepEqual(functions.filter((name) => name.startsWith('nl_')).sort(), declared);
      const others = exported.map(({ name }) => name).filter((name) => !declared.includes(name) && !STACK.test(name));
      assert.deepEqual(
        others.filter((name) => !RUNTIME.includes(name)),
        [],
      );
      assert.ok(others.includes('memory'));
    });
  }

  test('differ in the instructions that they use', () => {
    const [relaxed, withSimd, scalar] = VARIANTS.map(moduleBytes);
    assert.notDeepEqual(relaxed, withSimd);
    assert.notDeepEqual(withSimd, scalar);
  });
});

describe('importing the package', () => {
  test('does nothing: no global, no handle, no output, with or without a DOM', () => {
    const script = `
      const before = new Set(Reflect.ownKeys(globalThis));
      const touched = [];
      for (const name of ['window', 'document', 'self', 'location', 'navigator', 'fetch', 'WebAssembly']) {
        const { value } = Object.getOwnPropertyDescriptor(globalThis, name) ?? {};
        Object.defineProperty(globalThis, name, {
          configurable: true,
          get() {
            touched.push(name);
            return value;
          },
        });
        before.add(name);
      }
      const prototypes = [Array, Object, Promise, Float32Array, Error].map(({ prototype }) => prototype);
      const keys = () => prototypes.map((prototype) => Reflect.ownKeys(prototype).length).join();
      const owned = keys();
      const names = Object.keys(await import('normlab'));
      const added = Reflect.ownKeys(globalThis).filter((key) => !before.has(key)).map(String);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const handles = process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe|Timeout)/.test(name));
      console.log(JSON.stringify({ names, added, touched, handles, changed: owned !== keys() }));`;
    const { names, ...traces } = inChild(script);
    assert.deepEqual(traces, { added: [], touched: [], handles: [], changed: false });
    for (const name of ['createEngine', 'NormlabError', 'presets', 'presetSpec']) assert.ok(names.includes(name), name);
  });

  test('lets the process end, also after an engine was made', () => {
    const script = `
      import { createEngine } from 'normlab';
      const nl = await createEngine();
      console.log(JSON.stringify({ variant: nl.variant }));`;
    assert.ok(VARIANTS.includes(inChild(script).variant));
  });
});

await forEachVariant((nl, variant) => {
  test('says which variant it is', () => assert.equal(nl.variant, variant));
  test('computes', () => computes(nl));
});

/** Runs a module script in a process of its own; what it prints, as JSON. */
function inChild(script, flags = process.execArgv.filter((flag) => flag.startsWith('--experimental-wasm'))) {
  const { status, stdout, stderr, signal } = spawnSync(
    process.execPath,
    [...flags, '--no-warnings', '--input-type=module', '--eval', script],
    { cwd: ROOT, encoding: 'utf8', timeout: 30_000, env: { ...process.env, NODE_OPTIONS: '' } },
  );
  assert.equal(status, 0, `${signal ?? ''} ${stderr}`);
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}
