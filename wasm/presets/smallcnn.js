/** @type {import('./index.js').Preset} */
export const smallcnn = {
  title: 'Small CNN',
  description:
    'Two 3×3 convolutions of 16 and 32 filters, each with normalization, ReLU and max pooling; one linear layer',
  input: [1, 28, 28],
  classes: 10,
  layers: [
    { type: 'conv2d', outChannels: 16, kernelSize: 3, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 2 },
    { type: 'conv2d', outChannels: 32, kernelSize: 3, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 2 },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 'classes' },
  ],
};
