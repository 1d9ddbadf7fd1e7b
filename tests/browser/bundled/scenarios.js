// What Node and the browsers do alike, to the bit: each result is plain data.
import { createEngine } from 'normlab';

const LAYERS = [
  { type: 'conv2d', outChannels: 8, kernelSize: 3, padding: 1 },
  { type: 'norm' },
  { type: 'relu' },
  { type: 'maxPool2d', kernelSize: 2 },
  { type: 'conv2d', outChannels: 8, kernelSize: 3, padding: 1 },
  { type: 'gelu' },
  { type: 'globalAvgPool2d' },
  { type: 'flatten' },
  { type: 'linear', outFeatures: 10 },
];

/** @param {string} type */
const layersWith = (type) =>
  LAYERS.map((layer) => (layer.type === 'norm' ? { type, ...(type === 'groupNorm' && { numGroups: 4 }) } : layer));

/** A short training with much in it; the bytes of all that it ends with, as text. @param {any} variant */
export async function train(variant) {
  const nl = await createEngine({ variant });
  const { train: images } = await nl.loadDataset('fashion-mnist');
  const results = [];
  for (const [type, optimizer] of [
    ['batchNorm', { type: 'sgd', lr: 0.05, momentum: 0.9, nesterov: true }],
    ['groupNorm', { type: 'adamW', lr: 0.003 }],
  ]) {
    const model = nl.model({ input: [1, 28, 28], seed: 7, layers: layersWith(type) });
    const trainer = nl.trainer(model, { optimizer, schedule: { type: 'cosine', warmup: 3 }, clipGradNorm: 1 });
    const { loss } = await trainer.fit(images.slice(0, 200), { epochs: 2, batchSize: 16, seed: 5 });
    const weights = Object.values(model.stateDict()).map((value) => (value.data ? Array.from(value.data) : value));
    results.push({ loss, weights });
    trainer.dispose();
    model.dispose();
  }
  nl.dispose();
  return JSON.stringify(results);
}

/** @param {any} variant @param {number} workers */
export async function sweep(variant, workers) {
  const nl = await createEngine({ variant });
  const { train: images, test } = await nl.loadDataset('fashion-mnist');
  const { runs, workers: used } = await nl.sweep({
    data: { train: images.slice(0, 128), test: test.slice(0, 64) },
    norms: ['batch', 'layer'],
    batchSizes: [8, 32],
    epochs: 1,
    workers,
  });
  nl.dispose();
  const figures = runs.map(({ norm, batchSize, testError, testErrorTrainMode, history }) => ({
    ...{ norm, batchSize, testError, testErrorTrainMode },
    loss: history.loss,
  }));
  return { used, figures };
}
