// Measures the engine beside its peers and prints their times and ratios: make bench-peers ARGS='"train smallcnn" gemm'
// Each peer runs in a process of its own, and each work is measured in turns, so that a machine that drifts drifts for all.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Option } from 'commander';
import { createEngine } from 'normlab';
import { measureAll } from './measure.js';
import { benchCommand } from './options.js';
import { WORKS } from './works.js';

const TURNS = 3;
/** Debian's python3-torch is seen by Debian's Python alone. */
const PYTHONS = [process.env.PYTHON, '/usr/bin/python3', 'python3'].filter(Boolean);
const NPM = 'make setup-peers';

/** How each is installed, and how it is started if it is. */
const PEERS = {
  pytorch: {
    install: 'on Debian 12, apt-get install python3-torch libopenblas0-pthread',
    find: () => {
      const python = PYTHONS.find((name) => spawnSync(name, ['-c', 'import torch']).status === 0);
      return python && [python, script('pytorch.py')];
    },
  },
  'tfjs-wasm': {
    install: NPM,
    find: () => inNode('tfjs.mjs', '@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-wasm'),
  },
  'onnxruntime-web': { install: NPM, find: () => inNode('onnxruntime.mjs', 'onnxruntime-web', 'onnx-proto') },
  convnetjs: { install: NPM, find: () => inNode('convnetjs.mjs', 'convnetjs') },
};

function script(name) {
  return fileURLToPath(new URL(`peers/${name}`, import.meta.url));
}

function inNode(name, ...packages) {
  const { resolve } = createRequire(new URL('../../build/peers/', import.meta.url));
  try {
    for (const wanted of packages) resolve(wanted);
  } catch {
    return undefined;
  }
  return [process.execPath, ...process.execArgv, script(name)];
}

/** @returns {Record<string, any>} the peer's line, empty where the peer has no such work */
function measurePeer([program, ...args], work) {
  const { stdout, stderr, status } = spawnSync(program, [...args, '--exactly', work], { encoding: 'utf8' });
  if (status === 0) return JSON.parse(stdout.trim() || '{}');
  console.error(`bench-peers: ${args.at(-1)} --exactly '${work}' failed:\n${stderr}`);
  process.exitCode = 1;
  return {};
}

/** @returns {Promise<object[]>} a line for each peer that can do the work */
async function measureBeside(commands, engine, work) {
  const turns = [];
  let able = commands;
  for (let turn = 0; turn < TURNS && able.length > 0; turn++) {
    const theirs = new Map(able.map((peer) => [peer, measurePeer(peer, work)]));
    for (const { peer, reason } of theirs.values()) if (reason) note(`${peer}: ${reason}`, work);
    able = able.filter((peer) => theirs.get(peer).ms);
    if (able.length === 0) break;
    await measureAll(engine, [work], ({ work: name, ms }) => {
      if (name === work) turns.push({ ms, theirs });
    });
  }
  return able.map((command) => {
    const of = (figure) => median(turns.map(({ ms, theirs }) => figure(ms, theirs.get(command).ms)));
    return {
      work,
      variant: engine.variant,
      ms: of((ms) => ms),
      peer: turns[0].theirs.get(command).peer,
      peer_ms: of((_, theirs) => theirs),
      ratio: Number(of((ms, theirs) => theirs / ms).toPrecision(3)),
    };
  });
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** What peers cannot do, by reason. @type {Map<string, Set<string>>} */
const notes = new Map();

function note(reason, work) {
  notes.set(reason, (notes.get(reason) ?? new Set()).add(work));
}

/** A row for a work, a column for a peer. */
function printTable(lines) {
  const peers = [...new Set(lines.map(({ peer }) => peer))];
  const rows = new Map([['', ['', '', 'normlab', ...peers]]]);
  for (const { work, variant, ms, peer, peer_ms, ratio } of lines) {
    const key = `${work} ${variant}`;
    if (!rows.has(key)) rows.set(key, [work, variant, `${ms} ms`, ...peers.map(() => '-')]);
    rows.get(key)[3 + peers.indexOf(peer)] = `${peer_ms} ms ${ratio.toFixed(2).padStart(6)}x`;
  }
  const table = [...rows.values()];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table) {
    const cells = row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
    console.error(cells.join('  '));
  }
}

const command = benchCommand('bench-peers', 'Measures the engine beside its peers, each on one thread.')
  .addOption(new Option('--peer <peer...>', 'peers to measure').choices(Object.keys(PEERS)).default(Object.keys(PEERS)))
  .parse();
const { variant: variants, peer: wanted } = command.opts();

const commands = [];
for (const name of wanted) {
  const found = PEERS[name].find();
  if (found) commands.push(found);
  else console.error(`bench-peers: ${name} is not installed: ${PEERS[name].install}`);
}
if (commands.length === 0) process.exit(1);

const { args: words } = command;
const chosen = WORKS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const lines = [];
for (const variant of variants) {
  const engine = await createEngine({ variant });
  for (const { name } of chosen) {
    for (const line of await measureBeside(commands, engine, name)) {
      console.log(JSON.stringify(line));
      lines.push(line);
    }
  }
  engine.dispose();
}
if (lines.length > 0) printTable(lines);
for (const [reason, works] of notes) console.error(`bench-peers: ${reason}: ${[...works].join(', ')}`);
