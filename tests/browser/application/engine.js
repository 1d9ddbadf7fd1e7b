import { createEngine, presetSpec } from 'normlab';

const nl = await createEngine();
const { train, test } = await nl.loadDataset('fashion-mnist');
const data = { train: train.slice(0, 200), test: test.slice(0, 100) };
const trainer = nl.trainer(nl.model(presetSpec('mlp')));
const { loss } = await trainer.fit(data.train, { epochs: 1, batchSize: 20 });
const { runs } = await nl.sweep({ data, norms: ['layer'], batchSizes: [20], epochs: 1, workers: 1 });
window.result = { steps: loss.length, runs };
