import fc from 'fast-check';

/*
 * Values that no call expects. They are known by name, so that a counterexample can be read, and made anew for each use.
 */

/** What an argument throws by itself when it is looked at. It comes through a call as it is: whose it is, is plain. */
export const OWN = new Error('thrown by the argument itself');

const throws = () => {
  throw OWN;
};

function cyclicArray() {
  /** @type {unknown[]} */
  const array = [1];
  array.push(array);
  return array;
}

function cyclicObject() {
  /** @type {Record<string, unknown>} */
  const object = { type: 'residual', shape: [2], data: new Float32Array(2) };
  object.self = object;
  object.body = [object];
  object.layers = [object];
  return object;
}

/** @template {ArrayBufferView} T @param {T} view @returns {T} without the memory that it was a view of */
function detached(view) {
  structuredClone(view.buffer, { transfer: [/** @type {ArrayBuffer} */ (view.buffer)] });
  return view;
}

function cyclicResidual() {
  /** @type {Record<string, unknown>} */
  const layer = { type: 'residual' };
  layer.body = [layer];
  return layer;
}

/** @param {number} depth */
function nestedResiduals(depth) {
  let layer = /** @type {object} */ ({ type: 'relu' });
  for (let i = 0; i < depth; i++) layer = { type: 'residual', body: [layer] };
  return layer;
}

/** 2^depth layers, of which there is one. @param {number} depth */
function doubledResiduals(depth) {
  let layer = /** @type {object} */ ({ type: 'relu' });
  for (let i = 0; i < depth; i++) layer = { type: 'residual', body: [layer, layer] };
  return layer;
}

function holes() {
  /** @type {unknown[]} */
  const array = [];
  array.length = 2 ** 32 - 1;
  return array;
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** @type {Record<string, () => unknown>} */
const NAMED = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  false: () => false,
  'a symbol': () => Symbol('symbol'),
  'a registered symbol': () => Symbol.for('normlab'),
  'a bigint': () => 4n,
  'a large bigint': () => 2n ** 70n,
  'a function': () => () => 4,
  'a function that throws': () => throws,
  'a class': () => class Shape {},
  'an async function': () => async () => 4,
  "''": () => '',
  "'4'": () => '4',
  "'constructor'": () => 'constructor',
  "'__proto__'": () => '__proto__',
  "'batchNorm'": () => 'batchNorm',
  "'a\\0b'": () => 'a\0b',
  'a lone surrogate': () => '\ud800',
  'a long string': () => 'long'.repeat(10_000),
  '[]': () => [],
  '[undefined]': () => [undefined],
  '[hole, 4]': () => new Array(1).concat([4]),
  '[6, hole]': () => [6].concat(new Array(1)),
  'five holes': () => new Array(5),
  '2^32 - 1 holes': holes,
  '[symbol]': () => [Symbol('element')],
  '[bigint]': () => [4n, 4n],
  '[[4]]': () => [[4]],
  "['4']": () => ['4'],
  '[NaN]': () => [Number.NaN],
  '[0, 4]': () => [0, 4],
  '[4, 0]': () => [4, 0],
  '[65536, 65536]': () => [65536, 65536],
  '[2^31 - 1, 2^31 - 1]': () => [2 ** 31 - 1, 2 ** 31 - 1],
  '[-1, -24]': () => [-1, -24],
  '[null prototype]': () => [Object.create(null)],
  'a thousand numbers': () => new Array(1000).fill(1),
  'an array that contains itself': cyclicArray,
  'an array with a getter that throws': () => Object.defineProperty([6, 4], 1, { get: throws }),
  'a frozen array': () => Object.freeze([6, 4]),
  'an array in a proxy': () => new Proxy([2, 2], {}),
  '{}': () => ({}),
  'a null prototype': () => Object.create(null),
  'a frozen object': () => Object.freeze({ data: new Float32Array(24), shape: Object.freeze([6, 4]) }),
  'an object that contains itself': cyclicObject,
  'a residual that contains itself': cyclicResidual,
  'residuals 10 deep': () => nestedResiduals(10),
  'residuals 30 deep, doubled at each': () => doubledResiduals(30),
  'residuals 10,000 deep': () => nestedResiduals(10_000),
  '{ length: -1 }': () => ({ length: -1 }),
  '{ length: NaN }': () => ({ length: Number.NaN }),
  '{ length: 2^53 }': () => ({ length: 2 ** 53 }),
  '{ length: 2^31 }': () => ({ length: 2 ** 31 }),
  '{ constructor: null }': () => ({ constructor: null }),
  '{ constructor: { name: symbol } }': () => ({ constructor: { name: Symbol('name') } }),
  '{ toString: 4 }': () => ({ toString: 4, valueOf: 4 }),
  'an object whose toString throws': () => ({ toString: throws, valueOf: throws }),
  'an object whose getters throw': () =>
    Object.defineProperties(
      {},
      Object.fromEntries(
        ['data', 'shape', 'length', 'type', 'input', 'layers', 'strict', 'labels', 'batchSize', 'variant'].map(
          (key) => [key, { get: throws, enumerable: true }],
        ),
      ),
    ),
  'an object in a proxy': () => new Proxy({ data: new Float32Array(24), shape: [6, 4] }, {}),
  'a proxy whose traps throw': () =>
    new Proxy({}, { get: throws, has: throws, ownKeys: throws, getPrototypeOf: throws }),
  'a revoked proxy': revoked,
  'new Number(4)': () => Object(4),
  "new String('auto')": () => Object('auto'),
  'a date': () => new Date(0),
  'an invalid date': () => new Date(Number.NaN),
  'a map': () => new Map([['shape', [4]]]),
  'a promise': () => Promise.resolve(4),
  'a regular expression': () => /4/,
  'an error': () => new Error('as an argument'),
  'no floats': () => new Float32Array(0),
  '7 floats': () => new Float32Array(7),
  '24 floats': () => new Float32Array(24).fill(0.5),
  '24 NaNs': () => new Float32Array(24).fill(Number.NaN),
  '24 infinities': () => new Float32Array(24).fill(Infinity),
  'detached floats': () => detached(new Float32Array(24)),
  'detached bytes': () => detached(new Uint8Array(24)),
  'a detached buffer': () => detached(new Uint8Array(24)).buffer,
  'shared floats': () => new Float32Array(new SharedArrayBuffer(96)),
  '24 doubles': () => new Float64Array(24),
  '24 bytes': () => new Uint8Array(24),
  '6 ints': () => new Int32Array(6),
  '6 ints of -1': () => new Int32Array(6).fill(-1),
  '6 ints of 2^31 - 1': () => new Int32Array(6).fill(2 ** 31 - 1),
  '6 bigints': () => new BigInt64Array(6),
  'a data view': () => new DataView(new ArrayBuffer(96)),
  'an array buffer': () => new ArrayBuffer(96),
  'a signal that was aborted': () => AbortSignal.abort(OWN),
  'a tensor': () => ({ data: new Float32Array(24), shape: [6, 4] }),
  'a tensor with a hole in its shape': () => ({ data: new Float32Array(4), shape: new Array(1).concat([4]) }),
  'a tensor of no rows': () => ({ data: new Float32Array(0), shape: [0, 4] }),
  'a tensor of 0 × 2^31': () => ({ data: new Float32Array(0), shape: [0, 2 ** 31] }),
  'a tensor of 0 × 2^53': () => ({ data: new Float32Array(0), shape: [0, 2 ** 53] }),
  'a tensor of 2^16 × 0 × 2^16': () => ({ data: new Float32Array(0), shape: [65536, 0, 65536] }),
  'a tensor of 2^32 + 4': () => ({ data: new Float32Array(4), shape: [2 ** 32 + 4] }),
  'a tensor of six dimensions': () => ({ data: new Float32Array(4), shape: [1, 1, 1, 1, 1, 4] }),
  'a tensor of a thousand dimensions': () => ({ data: new Float32Array(1), shape: new Array(1000).fill(1) }),
  'a tensor without dimensions': () => ({ data: new Float32Array(1), shape: [] }),
};

const NUMBERS = [
  ...[0, -0, 1, -1, 2, 3, 4, 6, 7, 24, 0.5, -0.5, 1e-300, 4096],
  ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 32 + 4, 2 ** 53 - 1, 2 ** 53, 1e308, -1e308],
  ...[Number.NaN, Infinity, -Infinity],
];

/** @typedef {{ name: string } | { number: number }} Recipe */

/** @param {Recipe} recipe @returns {unknown} */
export const made = (recipe) => ('name' in recipe ? NAMED[recipe.name]() : recipe.number);

/** @type {fc.Arbitrary<Recipe>} */
export const recipes = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...Object.keys(NAMED)).map((name) => ({ name })) },
  { weight: 2, arbitrary: fc.constantFrom(...NUMBERS).map((number) => ({ number })) },
  { weight: 1, arbitrary: fc.oneof(fc.integer({ min: -3, max: 9 }), fc.double()).map((number) => ({ number })) },
);

/** @param {unknown} value @returns {value is Record<string, unknown>} an array or a plain object, whose parts are its own */
const hasParts = (value) =>
  Array.isArray(value) ||
  (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype);

/**
 * All places in a tree of arrays and plain objects.
 *
 * @param {unknown} root
 * @returns {{ holder: any, key: string }[]}
 */
function places(root) {
  if (!hasParts(root)) return [];
  return Object.keys(root).flatMap((key) => [{ holder: root, key }, ...places(root[key])]);
}

/**
 * A change of a call's arguments: one of their parts becomes something else, goes away, or gets a neighbour.
 *
 * @typedef {{ at: number, change: 'replace' | 'remove' | 'add', value: Recipe }} Edit
 * @type {fc.Arbitrary<Edit>}
 */
export const edits = fc.record({
  at: fc.nat(1000),
  change: fc.oneof(
    { weight: 8, arbitrary: fc.constant(/** @type {const} */ ('replace')) },
    { weight: 1, arbitrary: fc.constantFrom(/** @type {const} */ ('remove'), /** @type {const} */ ('add')) },
  ),
  value: recipes,
});

/**
 * How a call's arguments are made: those of a good call with a few changes, or anything.
 *
 * @typedef {{ good: number, edits: Edit[] } | { anything: Recipe[] }} Arguments
 * @type {fc.Arbitrary<Arguments>}
 */
export const argumentLists = fc.oneof(
  { weight: 5, arbitrary: fc.record({ good: fc.nat(20), edits: fc.array(edits, { maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ anything: fc.array(recipes, { maxLength: 4 }) }) },
);

/**
 * @param {unknown[]} args of a good call; changed in place
 * @param {Edit[]} changes
 * @returns {unknown[]}
 */
export function edited(args, changes) {
  // Taken once: what is put in is not to be looked into.
  const all = places(args);
  if (all.length === 0) return args;
  for (const { at, change, value } of changes) {
    const { holder, key } = all[at % all.length];
    if (change === 'remove') delete holder[key];
    else if (change === 'add' && !Array.isArray(holder)) holder.unknown = made(value);
    else if (change === 'add') holder.push(made(value));
    else holder[key] = made(value);
  }
  return args;
}
