// Measures the engine beside its peers and prints their times and ratios: make bench-peers ARGS='"train smallcnn" gemm'
// Each work is measured in turns, so that a machine that drifts drifts for both. A peer that is not installed is named.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createEngine } from 'normlab';
import { measureAll } from './measure.js';
import { benchCommand } from './options.js';
import { WORKS } from './works.js';

const PYTORCH = fileURLToPath(new URL('peers/pytorch.py', import.meta.url));
/** Debian's python3-torch is seen by Debian's Python alone. */
const PYTHONS = [process.env.PYTHON, '/usr/bin/python3', 'python3'].filter(Boolean);
const TURNS = 3;

const command = benchCommand('bench-peers', 'Measures the engine beside PyTorch on one thread.').parse();
const python = PYTHONS.find((name) => spawnSync(name, ['-c', 'import torch']).status === 0);
if (!python) {
  console.error(
    'bench-peers: PyTorch is not installed. On Debian 12: apt-get install python3-torch libopenblas0-pthread',
  );
  process.exit(1);
}

/** @param {string} work its whole name @returns {Record<string, any> | undefined} */
function inPyTorch(work) {
  const { stdout, stderr, status } = spawnSync(python, [PYTORCH, '--exactly', work], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim() === '' ? undefined : JSON.parse(stdout);
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const { args: words } = command;
const chosen = WORKS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
for (const variant of command.opts().variant) {
  const engine = await createEngine({ variant });
  for (const { name } of chosen) {
    const turns = [];
    for (let turn = 0; turn < TURNS; turn++) {
      const theirs = inPyTorch(name);
      if (!theirs) break;
      await measureAll(engine, [name], (ours) => {
        if (ours.work === name) turns.push({ ours: ours.ms, theirs: theirs.ms, peer: theirs.peer });
      });
    }
    if (turns.length === 0) continue;
    const [ours, theirs] = ['ours', 'theirs'].map((side) => median(turns.map((turn) => turn[side])));
    const ratio = Number(median(turns.map((turn) => turn.theirs / turn.ours)).toPrecision(3));
    console.log(JSON.stringify({ work: name, variant, ms: ours, peer: turns[0].peer, peer_ms: theirs, ratio }));
  }
  engine.dispose();
}
