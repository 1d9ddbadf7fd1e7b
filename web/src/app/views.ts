/** The tabs, in their order. */
export const views = [
  { id: 'train', label: 'Train' },
  { id: 'batches', label: 'Small batches' },
] as const;

export type ViewId = (typeof views)[number]['id'];

export const firstView: ViewId = 'train';
