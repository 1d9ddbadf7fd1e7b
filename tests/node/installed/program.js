import { createEngine, presetSpec } from 'normlab';

const nl = await createEngine({ wasm: new URL(import.meta.resolve('normlab/normlab.scalar.wasm')) });
const { train } = await nl.loadDataset('fashion-mnist');
const trainer = nl.trainer(nl.model(presetSpec('mlp', { norm: 'batch' })));
const { loss } = await trainer.fit(train.slice(0, 200), { epochs: 1, batchSize: 20 });

const before = Object.keys(globalThis);
const scripts = [await import('normlab/element'), await import('normlab/element/inline')];
const added = Object.keys(globalThis).filter((name) => !before.includes(name));
const elements = scripts.map(({ NormLabElement }) => typeof NormLabElement);
console.log(JSON.stringify({ variant: nl.variant, steps: loss.length, elements, added }));
