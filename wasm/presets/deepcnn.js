/** @type {import('./index.js').Preset} */
export const deepcnn = {
  title: 'Deep CNN',
  description:
    'Five 3×3 convolutions of stride 2 take 28×28 down to 1×1: the last normalization sees one value per channel and image',
  input: [1, 28, 28],
  classes: 10,
  layers: [
    { type: 'conv2d', outChannels: 16, kernelSize: 3, stride: 2, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'conv2d', outChannels: 32, kernelSize: 3, stride: 2, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'conv2d', outChannels: 64, kernelSize: 3, stride: 2, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'conv2d', outChannels: 64, kernelSize: 3, stride: 2, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'conv2d', outChannels: 64, kernelSize: 3, stride: 2, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 'classes' },
  ],
};
