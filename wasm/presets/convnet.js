import { about } from './about.js';

/** @type {import('./index.js').Preset} */
export const convnet = {
  ...about.convnet,
  layers: [
    { type: 'conv2d', outChannels: 64, kernelSize: 3, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 2 },
    { type: 'conv2d', outChannels: 128, kernelSize: 3, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 2 },
    { type: 'conv2d', outChannels: 256, kernelSize: 3, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 512 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'linear', outFeatures: 'classes' },
  ],
};
