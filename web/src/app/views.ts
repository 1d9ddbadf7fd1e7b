/** The tabs, in their order. */
export const views = [{ id: 'train', label: 'Train' }] as const;

export type ViewId = (typeof views)[number]['id'];

export const firstView: ViewId = 'train';
