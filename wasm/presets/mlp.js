import { about } from './about.js';

/** @type {import('./index.js').Preset} */
export const mlp = {
  ...about.mlp,
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
