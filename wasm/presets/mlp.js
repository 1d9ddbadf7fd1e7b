/** @type {import('./index.js').Preset} */
export const mlp = {
  title: 'Multilayer perceptron',
  description: '784 → 256 → 128 → 10 linear, with a normalization and ReLU between',
  input: [1, 28, 28],
  classes: 10,
  layers: [
    { type: 'flatten' },
    { type: 'linear', outFeatures: 256 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'linear', outFeatures: 128 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'linear', outFeatures: 'classes' },
  ],
};
