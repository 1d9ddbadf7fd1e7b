import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Python that tests compare with: Debian's, which has its own packages. */
export const PYTHON = process.env.PYTHON || '/usr/bin/python3';

/** Where the scripts in Python are. */
export const GOLDEN = fileURLToPath(new URL('../../golden/', import.meta.url));

/** @param {string[]} args */
const python = (args) => spawnSync(PYTHON, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });

/** A reason to skip what needs PyTorch, where it is not here; under CI=true nothing may be skipped. */
export const noTorch = python(['-c', 'import torch']).status !== 0 && 'install python3-torch';

/** @returns {string[]} what a module cannot be called in an nn.Sequential */
export function namesOfSequential() {
  const print = 'from torch import nn; print(*dir(nn.Sequential()))';
  return python(['-c', print]).stdout.trim().split(' ');
}

/**
 * Runs scripts of nl.toPyTorch in one process.
 *
 * @param {{ script: string, weights?: Uint8Array, [setting: string]: unknown }[]} cases as tests/golden/exported.py takes
 *   them, with text and bytes in the place of files
 * @returns {Promise<any[]>} of each what came out
 */
export async function runExported(cases) {
  const directory = await mkdtemp(join(tmpdir(), 'normlab-exported-'));
  try {
    const listed = await Promise.all(
      cases.map(async ({ script, weights, ...rest }, index) => {
        const paths = { script: join(directory, `${index}.py`), weights: join(directory, `${index}.safetensors`) };
        await writeFile(paths.script, script);
        if (!weights) return { ...rest, script: paths.script };
        await writeFile(paths.weights, weights);
        return { ...rest, ...paths };
      }),
    );
    const list = join(directory, 'cases.json');
    await writeFile(list, JSON.stringify(listed));
    const { status, stdout, stderr } = python([join(GOLDEN, 'exported.py'), list]);
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  } finally {
    await rm(directory, { recursive: true });
  }
}
