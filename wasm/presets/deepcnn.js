import { about } from './about.js';

/** @type {import('./index.js').Preset} */
export const deepcnn = {
  ...about.deepcnn,
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
