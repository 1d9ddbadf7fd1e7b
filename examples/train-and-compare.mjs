// Trains a small CNN on Fashion-MNIST, then compares train and eval mode: node examples/train-and-compare.mjs
import { createEngine, presetSpec } from 'normlab';

const nl = await createEngine();
console.log(`engine: ${nl.variant}`);
const { train, test } = await nl.loadDataset('fashion-mnist');

const model = nl.model(presetSpec('smallcnn', { norm: 'batch', seed: 1 }));
const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.02, momentum: 0.9 } });
await trainer.fit(train.slice(0, 2000), {
  epochs: 2,
  batchSize: 16,
  seed: 1,
  onEpoch: ({ epoch, loss, imagesPerSecond }) =>
    console.log(`epoch ${epoch}: loss ${loss.toFixed(3)}, ${Math.round(imagesPerSecond)} images/s`),
});

// Eval mode normalizes with the running statistics, train mode with those of each batch of 16 test images.
const percent = (fraction) => `${(100 * fraction).toFixed(1)} %`;
const inEval = model.evaluate(test, { mode: 'eval' });
const inTrain = model.evaluate(test, { mode: 'train', batchSize: 16 });
console.log(`test accuracy: ${percent(inEval.accuracy)} in eval mode, ${percent(inTrain.accuracy)} in train mode`);

// The same 16 images through both modes, layer by layer.
const { x, labels } = test.batch(Array.from({ length: 16 }, (_, i) => i));
const { layers, changed } = model.compareModes(x, { labels });
for (const { key, type, diff } of layers) {
  console.log(`${key.padEnd(3)} ${type.padEnd(10)} rms difference ${diff.rms.toFixed(4)}`);
}
console.log(`${changed.length} of 16 predictions change with the mode`);

nl.dispose();
