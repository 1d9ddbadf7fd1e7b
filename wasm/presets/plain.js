import { about } from './about.js';

/** @returns {import('./index.js').LayerSpec[]} */
const layer = () => [{ type: 'linear', outFeatures: 64 }, { type: 'norm' }, { type: 'relu' }];

/**
 * PyTorch's default weights have variance 1 / (3 · inputs), so that behind each ReLU a sixth of the mean square is left, of the
 * gradients likewise: after 16 layers both are 1e-12 of what they were, and the outputs are the last bias, whatever the image.
 * He et al., https://arxiv.org/abs/1502.01852, section 2.2.
 *
 * @type {import('./index.js').Preset}
 */
export const plain = {
  ...about.plain,
  layers: [
    { type: 'flatten' },
    ...Array.from({ length: 16 }, layer).flat(),
    { type: 'linear', outFeatures: 'classes' },
  ],
};
