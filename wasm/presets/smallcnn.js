import { about } from './about.js';

/** @type {import('./index.js').Preset} */
export const smallcnn = {
  ...about.smallcnn,
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
