#!/usr/bin/env node
// Reads the public header and writes what binds JavaScript to it: the linker's export lists and a typed list for wasm/.
//   bindings.mjs write HEADER BUILD_DIR GENERATED_DIR
//       BUILD_DIR/exports.rsp and imports.txt (wasm-ld), BUILD_DIR/exports.json (emcc), GENERATED_DIR/exports.js
//   bindings.mjs check HEADER GENERATED_DIR MODULE...
//       the generated file is what the header gives, and each module exports and imports what it should, no more
// A declaration that cannot be read is an error: nothing crosses into wasm untyped.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

// What the C library and the linker add of their own accord.
const RUNTIME_EXPORTS = new Set([
  'memory',
  '_initialize',
  '__indirect_function_table',
  '__errno_location',
  'stackSave',
  'stackAlloc',
  'stackRestore',
  '_emscripten_stack_alloc',
  '_emscripten_stack_restore',
  'emscripten_stack_get_current',
]);
// The allocator grows the memory and says so.
const ALLOWED_IMPORTS = ['emscripten_notify_memory_growth'];

const NUMBERS = new Set(['char', 'int', 'unsigned', 'size_t', 'ptrdiff_t', 'intptr_t', 'uintptr_t', 'bool', '_Bool']);
for (const bits of [8, 16, 32]) NUMBERS.add(`int${bits}_t`).add(`uint${bits}_t`);
NUMBERS.add('float').add('double');
const BIGINTS = new Set(['int64_t', 'uint64_t']);

// A parameter of these names could not stand in a TypeScript function type.
const RESERVED = new Set(
  `break case catch class const continue debugger default delete do else enum export extends false finally for function
   if import in instanceof new null return super switch this throw true try typeof var void while with`.split(/\s+/),
);

/**
 * @typedef {{ name: string, result: string, params: { name: string, type: string }[], summary: string }} Declaration
 * @typedef {{ functions: Declaration[], constants: { name: string, value: number }[] }} Header
 */

/**
 * @param {string} source
 * @returns {Header}
 */
export function parseHeader(source) {
  /** @type {string[]} */
  const comments = [];
  // Comments become «index», so that declarations can be matched around them and still find the one before.
  const text = source
    .replace(/\/\*([\s\S]*?)\*\//g, (_, body) => `«${comments.push(body) - 1}»`)
    .replace(/\/\/.*$/gm, '')
    .replace(/\\\n/g, ' ');
  /** @param {string} code */
  const clean = (code) => code.replace(/«\d+»/g, ' ').replace(/\s+/g, ' ').trim();

  const constants = [...text.matchAll(/^[ \t]*#[ \t]*define[ \t]+(NL_\w+)[ \t]+(-?\d+)[ \t]*(?:«\d+»)?[ \t]*$/gm)].map(
    ([, name, value]) => ({ name, value: Number(value) }),
  );
  const code = text.replace(/^[ \t]*#.*$/gm, '');

  const numbers = new Set(NUMBERS);
  for (const [, tag, body, alias] of code.matchAll(/\benum\s+(\w+)?\s*\{([^}]*)\}\s*(\w+)?\s*;/g)) {
    if (alias) numbers.add(alias);
    if (tag) numbers.add(`enum ${tag}`);
    let next = 0;
    for (const entry of clean(body).split(',')) {
      if (!entry.trim()) continue;
      const [, name, value] = entry.match(/^\s*(\w+)\s*(?:=\s*(-?\d+|0[xX][\da-fA-F]+)\s*)?$/) ?? [];
      if (!name) throw new Error(`cannot read the enumerator "${entry.trim()}"`);
      next = value === undefined ? next : Number(value);
      constants.push({ name, value: next++ });
    }
  }
  for (const [, type, alias] of code.matchAll(/\btypedef\s+(\w+)\s+(\w+)\s*;/g))
    if (numbers.has(type)) numbers.add(alias);

  /** @param {string} type @param {string} where */
  const scriptType = (type, where) => {
    if (/[*[]/.test(type)) return 'number';
    const bare = type
      .replace(/\b(const|volatile|signed)\b/g, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    if (bare === 'void') return 'void';
    if (numbers.has(bare)) return 'number';
    if (BIGINTS.has(bare)) return 'bigint';
    throw new Error(`${where}: no JavaScript type for "${type}"`);
  };

  const pattern = /(?:«(\d+)»\s*)?\bNL_API\b([^;{]*?)\b(nl_\w+)\s*\(([^;{]*)\)\s*;/g;
  const functions = [...code.matchAll(pattern)].map(([, comment, result, name, list]) => {
    const parameters = clean(list);
    if (/[()]/.test(parameters)) throw new Error(`${name}: give the function pointer in its parameters a typedef`);
    const params = (parameters === 'void' ? [] : parameters.split(',')).map((parameter) => {
      const [, type, identifier, array] = parameter.trim().match(/^(.*?[\s*])(\w+)\s*(\[[^\]]*\])?$/) ?? [];
      if (!identifier || NUMBERS.has(identifier)) throw new Error(`${name}: cannot read the parameter "${parameter}"`);
      return {
        name: RESERVED.has(identifier) ? `${identifier}_` : identifier,
        type: scriptType(type + (array ?? ''), `${name}, ${identifier}`),
      };
    });
    return { name, result: scriptType(clean(result), name), params, summary: summary(comments[Number(comment)]) };
  });

  const declared = code.match(/\bNL_API\b/g)?.length ?? 0;
  if (functions.length !== declared) {
    const read = functions.map(({ name }) => name).join(' ');
    throw new Error(`${declared} declarations carry NL_API, ${functions.length} could be read: ${read}`);
  }
  const twice = functions.find(({ name }, i) => functions.findIndex((other) => other.name === name) !== i);
  if (twice) throw new Error(`${twice.name} is declared twice`);
  if (functions.length === 0) throw new Error('no declaration carries NL_API');
  return { functions, constants };
}

/**
 * The first sentence of a comment, on one line.
 * @param {string | undefined} comment
 */
function summary(comment) {
  const flat = (comment ?? '')
    .replace(/^\s*\*+/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return /^-{4}/.test(flat) ? '' : (flat.match(/^.*?\.(?=\s|$)/)?.[0] ?? flat);
}

/** @param {Header} header */
function exportsModule({ functions, constants }) {
  const names = functions.map(({ name }) => `  '${name}',`).join('\n');
  const properties = functions.map(({ name, params, result, summary: text }) => {
    const list = params.map((parameter) => `${parameter.name}: ${parameter.type}`).join(', ');
    return ` * @property {(${list}) => ${result}} ${name}${text ? ` ${text}` : ''}`;
  });
  return `// Written from src/normlab.h by the build.

/** The functions that every module exports. */
export const EXPORTS = /** @type {const} */ ([
${names}
]);

${constants.map(({ name, value }) => `export const ${name} = ${value};`).join('\n')}

/**
 * What WebAssembly sees of the engine: pointers and sizes are byte addresses and counts.
 *
 * @typedef {object} Exports
 * @property {WebAssembly.Memory} memory
 * @property {() => void} [_initialize] to be called once, before anything else
${properties.join('\n')}
 */
`;
}

/** @param {string} header @param {string} buildDir @param {string} generatedDir */
function write(header, buildDir, generatedDir) {
  const parsed = parseHeader(readFileSync(header, 'utf8'));
  const names = parsed.functions.map(({ name }) => name);
  mkdirSync(buildDir, { recursive: true });
  mkdirSync(generatedDir, { recursive: true });
  writeFileSync(join(buildDir, 'exports.rsp'), names.map((name) => `--export=${name}\n`).join(''));
  writeFileSync(join(buildDir, 'imports.txt'), ALLOWED_IMPORTS.map((name) => `${name}\n`).join(''));
  writeFileSync(join(buildDir, 'exports.json'), JSON.stringify(names.map((name) => `_${name}`)));
  writeFileSync(join(generatedDir, 'exports.js'), exportsModule(parsed));
}

/**
 * @param {string} header
 * @param {string} generatedDir
 * @param {string[]} modules
 * @returns {string[]} what disagrees
 */
function disagreements(header, generatedDir, modules) {
  const parsed = parseHeader(readFileSync(header, 'utf8'));
  const names = parsed.functions.map(({ name }) => name);
  const found = [];
  const generated = join(generatedDir, 'exports.js');
  if (!existsSync(generated) || readFileSync(generated, 'utf8') !== exportsModule(parsed)) {
    found.push(`${generated} is not what ${header} gives`);
  }
  for (const path of modules) {
    const module = new WebAssembly.Module(readFileSync(path));
    const exported = WebAssembly.Module.exports(module);
    const functions = new Set(exported.filter(({ kind }) => kind === 'function').map(({ name }) => name));
    for (const name of names) if (!functions.has(name)) found.push(`${basename(path)} does not export ${name}`);
    for (const { name } of exported) {
      if (!names.includes(name) && !RUNTIME_EXPORTS.has(name)) found.push(`${basename(path)} also exports ${name}`);
    }
    if (!exported.some(({ name, kind }) => name === 'memory' && kind === 'memory')) {
      found.push(`${basename(path)} does not export its memory`);
    }
    for (const imported of WebAssembly.Module.imports(module)) {
      if (imported.module !== 'env' || !ALLOWED_IMPORTS.includes(imported.name)) {
        found.push(`${basename(path)} imports ${imported.module}.${imported.name}`);
      }
    }
  }
  return found;
}

const [command, ...args] = process.argv.slice(2);
try {
  if (command === 'write' && args.length === 3) write(args[0], args[1], args[2]);
  else if (command === 'check' && args.length >= 2) {
    const found = disagreements(args[0], args[1], args.slice(2));
    for (const line of found) console.error(`bindings: ${line}`);
    if (found.length > 0) process.exitCode = 1;
  } else throw new Error('usage: write HEADER BUILD_DIR GENERATED_DIR | check HEADER GENERATED_DIR MODULE...');
} catch (error) {
  console.error(`bindings: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
