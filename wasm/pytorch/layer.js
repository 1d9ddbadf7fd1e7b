import { areIntegers, describe } from '../checks.js';
import { NormlabError } from '../errors.js';
import { Modules } from './modules.js';
import { python, script } from './python.js';

/**
 * @typedef {import('../runtime.js').Runtime} Runtime
 * @typedef {import('../layers.js').NormLayer} NormLayer
 */

/** What tensors start as. @type {Record<string, number>} */
const INITIAL = { weight: 1, bias: 0, running_mean: 0, running_var: 1 };

/** As few digits as tell a float32 from its neighbours. @param {number} value */
function float(value) {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return number(rounded);
  }
  return number(Number(value.toPrecision(9)));
}

/** @param {number} value */
const number = (value) => (Number.isFinite(value) ? python(value) : `float("${value}")`.replace('Infinity', 'inf'));

/** @param {ArrayLike<number>} data @param {number[]} shape @returns {string} nested lists */
function list(data, [size, ...rest]) {
  const step = data.length / size;
  const items = Array.from({ length: size }, (_, i) =>
    rest.length > 0 ? list(Array.prototype.slice.call(data, i * step, (i + 1) * step), rest) : float(data[i]),
  );
  return `[${items.join(', ')}]`;
}

/**
 * @param {NormLayer} layer
 * @returns {string[]} lines that set what has moved from where it started
 */
function stateLines(layer) {
  return Object.entries(layer.stateDict()).flatMap(([key, value]) => {
    if (typeof value === 'number') return value === 0 ? [] : [`layer.${key}.fill_(${value})`];
    const { data, shape } = value;
    const first = data[0];
    if (Array.prototype.some.call(data, (item) => !Object.is(item, first))) {
      return [`layer.${key}.copy_(torch.tensor(${list(data, shape)}))`];
    }
    return first === undefined || first === INITIAL[key] ? [] : [`layer.${key}.fill_(${float(first)})`];
  });
}

/**
 * @param {Runtime} runtime
 * @param {string} call
 * @param {NormLayer} layer
 * @param {unknown} shape
 */
export function layerText(runtime, call, layer, shape) {
  const { type, options, features, dims, paramShape, input } = layer.made;
  const standard = features === 0 ? [8, ...paramShape] : [8, features, ...new Array(dims || 2).fill(4)];
  const x = shape ?? input ?? standard;
  if (!areIntegers(x, 1)) {
    throw new NormlabError('argument', `${call}: shape: expected positive integers, got ${describe(shape)}`);
  }
  const modules = new Modules(runtime, call, false);
  const sample = features === 0 ? paramShape : [features, ...new Array(dims).fill(1)];
  const made = modules.one({ type, options, shape: sample }, type);
  const state = stateLines(layer);
  const lines = [
    `${modules.note}layer = ${made}`,
    ...(state.length > 0 ? ['with torch.no_grad():', ...state.map((line) => `    ${line}`)] : []),
    ...(layer.training ? [] : ['layer.eval()']),
    '',
    `x = torch.randn(${x.join(', ')}, requires_grad=True)`,
    'y = layer(x)',
    'y.backward(torch.randn_like(y))  # in place of the gradient that comes from above',
    'print(y, x.grad, *(parameter.grad for parameter in layer.parameters()), sep="\\n")',
  ];
  return script(`Made by Normlab ${runtime.abi.version} for PyTorch 1.13 or newer.`, [
    ...modules.classes,
    lines.join('\n'),
  ]);
}
