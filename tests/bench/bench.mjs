// Measures the engine in Node: make bench ARGS='gemm --variant simd relaxed'
import { createEngine } from 'normlab';
import { measureAll } from './measure.js';
import { benchCommand } from './options.js';

const command = benchCommand('bench', 'Measures the engine in Node.').parse();
for (const variant of command.opts().variant) {
  const engine = await createEngine({ variant });
  await measureAll(engine, command.args, (figures) => console.log(JSON.stringify(figures)));
  engine.dispose();
}
