/** The shapes that tests/c/kernels.inc marks as timed: one list for the C tests and the benchmark. */
const TABLE = new URL('../c/kernels.inc', import.meta.url);

async function read() {
  if (TABLE.protocol !== 'file:') return (await fetch(TABLE)).text();
  const { readFile } = await import('node:fs/promises');
  return readFile(TABLE, 'utf8');
}

const text = await read();

/**
 * @param {string} list the macro's name
 * @returns {number[][]} its rows
 */
export const shapes = (list) =>
  [...text.matchAll(new RegExp(`^${list}\\((.*)\\)$`, 'gm'))].map(([, row]) => row.split(',').map(Number));
