import type { RunConfig } from '../../worker/protocol';
import type { Table } from './schema';

/** What was opened from files, by the names that it was given. The files stay on this page: a link has the names alone. */
export type FilesConfig = Pick<RunConfig, 'data' | 'weights'>;

const NAME = /^[\w.-]{1,64}$/;

export const filesSettings = {
  data: {
    kind: 'text',
    label: 'Data set',
    help: 'Fashion-MNIST, or images that were opened from files.',
    pattern: NAME,
    default: 'fashion-mnist',
    effect: 'restart',
    always: false,
  },
  weights: {
    kind: 'text',
    label: 'First weights',
    help: 'Drawn from the seed, or those of a file that was opened.',
    pattern: NAME,
    default: 'drawn',
    effect: 'restart',
    always: false,
  },
} as const satisfies Table<FilesConfig>;
