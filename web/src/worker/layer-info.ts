import type { Model } from 'normlab';
import type { LayerInfo } from './protocol';

const NORM_TYPES = new Set(['batchNorm', 'batchRenorm', 'layerNorm', 'groupNorm', 'instanceNorm', 'rmsNorm']);

export function layersOf(model: Model): LayerInfo[] {
  return model.layers.map(({ key, type, shape }) => ({ key, type, shape: [...shape], isNorm: NORM_TYPES.has(type) }));
}
