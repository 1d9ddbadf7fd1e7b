#!/usr/bin/env node
// Prints the flag without which this Node refuses relaxed SIMD; nothing where it needs none or knows none.

import { spawnSync } from 'node:child_process';
import { relaxedSimd } from 'wasm-feature-detect';

const FLAG = '--experimental-wasm-relaxed-simd';

if (!(await relaxedSimd()) && spawnSync(process.execPath, [FLAG, '--version']).status === 0) console.log(FLAG);
