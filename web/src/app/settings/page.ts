import { firstView, type ViewId, views } from '../views';
import type { Table } from './schema';

/** Which tab is open, and what stands about it. */
export interface PageConfig {
  view: ViewId;
  /** Without header and footer, for an iframe. */
  embed: boolean;
}

export const pageSettings = {
  view: {
    attribute: 'view',
    kind: 'choice',
    label: 'View',
    help: 'The tab that is open.',
    choices: views.map(({ id, label }) => ({ value: id, label })),
    default: firstView,
    effect: 'none',
    always: true,
  },
  embed: {
    kind: 'flag',
    label: 'Embedded',
    help: 'Hides header and footer, for an iframe.',
    default: false,
    effect: 'none',
    always: false,
  },
} as const satisfies Table<PageConfig>;
