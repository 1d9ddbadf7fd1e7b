import type { ComponentType } from 'preact';
import type { LabModel } from './state/lab';

/** What a tab shows. Its module is fetched when the tab is first opened. */
export type View = ComponentType<{ lab: LabModel }>;

/** The tabs, in their order. */
export const views = [
  { id: 'lens', label: 'Lens', load: () => import('./views/lens/LensView') },
  { id: 'train', label: 'Train', load: () => import('./views/train/TrainView') },
  { id: 'modes', label: 'Train vs eval', load: () => import('./views/modes/ModesView') },
  { id: 'batches', label: 'Small batches', load: () => import('./views/batches/BatchesView') },
  { id: 'pitfall', label: 'Pitfalls', load: () => import('./views/pitfall/PitfallView') },
] as const satisfies { id: string; label: string; load: () => Promise<{ default: View }> }[];

export type ViewId = (typeof views)[number]['id'];

export const firstView: ViewId = 'train';
