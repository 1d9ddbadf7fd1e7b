import type { ComponentType } from 'preact';
import type { LabModel } from './state/lab';

/** What a tab shows. */
export type View = ComponentType<{ lab: LabModel }>;

/** What can be done in a tab without a hand on its buttons, from a page that embeds it. */
export interface Transport {
  play(): void;
  pause(): void;
  step(): void;
  reset(): void;
}

/** A tab's module, fetched when the tab is first opened. */
export interface ViewModule {
  default: View;
  transport(lab: LabModel): Transport;
}

/** The tabs, in their order. */
export const views = [
  { id: 'lens', label: 'Lens', load: () => import('./views/lens/LensView') },
  { id: 'train', label: 'Train', load: () => import('./views/train/TrainView') },
  { id: 'modes', label: 'Train vs eval', load: () => import('./views/modes/ModesView') },
  { id: 'batches', label: 'Small batches', load: () => import('./views/batches/BatchesView') },
  { id: 'pitfall', label: 'Pitfalls', load: () => import('./views/pitfall/PitfallView') },
] as const satisfies { id: string; label: string; load: () => Promise<ViewModule> }[];

export type ViewId = (typeof views)[number]['id'];

export const firstView: ViewId = 'train';
