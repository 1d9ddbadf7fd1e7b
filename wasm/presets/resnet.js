import { about } from './about.js';

/**
 * One basic block of https://arxiv.org/abs/1512.03385: the shortcut is the identity at stride 1, else a 1×1
 * convolution with its own normalization.
 *
 * @param {number} channels
 * @param {number} [stride]
 * @returns {import('./index.js').LayerSpec[]}
 */
const block = (channels, stride = 1) => [
  {
    type: 'residual',
    body: [
      { type: 'conv2d', outChannels: channels, kernelSize: 3, stride, padding: 1 },
      { type: 'norm' },
      { type: 'relu' },
      { type: 'conv2d', outChannels: channels, kernelSize: 3, padding: 1 },
      { type: 'norm' },
    ],
    shortcut: stride > 1 ? [{ type: 'conv2d', outChannels: channels, kernelSize: 1, stride }, { type: 'norm' }] : [],
  },
  { type: 'relu' },
];

/** @type {import('./index.js').Preset} */
export const resnet = {
  ...about.resnet,
  layers: [
    { type: 'conv2d', outChannels: 16, kernelSize: 3, padding: 1 },
    { type: 'norm' },
    { type: 'relu' },
    ...block(16),
    ...block(32, 2),
    ...block(64, 2),
    { type: 'globalAvgPool2d' },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 'classes' },
  ],
};
