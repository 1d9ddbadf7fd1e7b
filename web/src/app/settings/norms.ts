/** The normalizations that can be chosen, in their order everywhere. */
export const norms = [
  { value: 'batch', label: 'BatchNorm', help: 'one channel, over all images of the batch' },
  { value: 'layer', label: 'LayerNorm', help: 'one image, over all its channels' },
  { value: 'group', label: 'GroupNorm', help: 'one image, over a group of channels' },
  { value: 'instance', label: 'InstanceNorm', help: 'one image, each channel on its own' },
  { value: 'rms', label: 'RMSNorm', help: 'as LayerNorm, but the mean stays' },
  { value: 'none', label: 'None', help: 'values pass as they are' },
] as const;
