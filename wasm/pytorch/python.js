/** @typedef {import('../runtime.js').Setting} Setting */

/**
 * A value as Python writes it.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function python(value) {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  // A JSON string is a Python string.
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `(${value.map(python).join(', ')}${value.length === 1 ? ',' : ''})`;
  const number = /** @type {number} */ (value);
  return Math.abs(number) < 1e-3 && number !== 0 ? number.toExponential() : String(number);
}

/** A pair of equal numbers as the one number that PyTorch takes for it. @param {unknown} value */
export const short = (value) =>
  Array.isArray(value) && value.length === 2 && value[0] === value[1] ? value[0] : value;

/**
 * Keyword arguments for what differs from the defaults, which are PyTorch's.
 *
 * @param {Setting[]} settings
 * @param {Record<string, unknown>} options
 * @param {readonly string[]} [always] names that are written in any case
 * @returns {string[]}
 */
export const keywords = (settings, options, always = []) =>
  settings.flatMap(({ name, kind, default: standard }) => {
    const value = python(short(options[name] ?? null));
    // In the engine's table true is 1.
    const usual = python(kind === 'bool' ? standard === 1 : short(standard ?? null));
    const differs = options[name] !== undefined && value !== usual;
    return differs || always.includes(name) ? [`${snake(name)}=${value}`] : [];
  });

/** @param {string} name */
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** @param {string} text */
export const indent = (text) => text.replace(/^(?=.)/gm, '    ');

/**
 * Brackets around one item a line.
 *
 * @param {string} open
 * @param {string[]} items
 * @param {string} close
 */
export const block = (open, items, close) => `${open}\n${items.map((item) => `${indent(item)},\n`).join('')}${close}`;

/** What a script imports where its text has the word. @type {[RegExp, string][]} */
const IMPORTS = [
  [/\bgzip\./, 'import gzip'],
  [/\bmath\./, 'import math'],
  [/\bos\./, 'import os'],
  [/\bstruct\./, 'import struct'],
  [/\bsys\./, 'import sys'],
  [/\bOrderedDict\(/, 'from collections import OrderedDict'],
  [/\bnullcontext\(/, 'from contextlib import nullcontext'],
  [/\bPath\(/, 'from pathlib import Path'],
  [/^/, ''],
  [/\bnumpy\./, 'import numpy'],
  [/^/, 'import torch'],
  [/\bdist\./, 'import torch.distributed as dist'],
  [/\bnn\./, 'from torch import nn'],
  [/\bF\./, 'from torch.nn import functional as F'],
  [/\bDistributedDataParallel\(/, 'from torch.nn.parallel import DistributedDataParallel'],
  [/\bDataLoader\(/, 'from torch.utils.data import DataLoader, TensorDataset'],
  [/\bDistributedSampler\(/, 'from torch.utils.data.distributed import DistributedSampler'],
];

/**
 * A whole script: sections are what PEP 8 keeps two lines apart.
 *
 * @param {string} title of its documentation
 * @param {string[]} sections
 */
export function script(title, sections) {
  const body = sections.filter(Boolean).join('\n\n\n');
  const imports = IMPORTS.filter(([word]) => word.test(body)).map(([, line]) => line);
  // Two empty lines stand before a class or function, one before the rest.
  const gap = /^(class|def|@)/.test(body) ? '\n\n\n' : '\n\n';
  return `"""\n${title}\n"""\n\n${imports.join('\n').trim()}${gap}${body}\n`;
}
