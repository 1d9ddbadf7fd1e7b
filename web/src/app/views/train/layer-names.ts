import type { LayerInfo } from '../../../worker/protocol';

const typeNames: Record<string, string> = {
  batchNorm: 'BatchNorm',
  batchRenorm: 'BatchRenorm',
  layerNorm: 'LayerNorm',
  groupNorm: 'GroupNorm',
  instanceNorm: 'InstanceNorm',
  rmsNorm: 'RMSNorm',
  conv2d: 'conv',
  linear: 'linear',
  relu: 'ReLU',
  maxPool2d: 'max pool',
  avgPool2d: 'average pool',
  globalAvgPool2d: 'global pool',
  residual: 'add',
};

export function typeName({ type }: Pick<LayerInfo, 'type'>): string {
  return typeNames[type] ?? type;
}
