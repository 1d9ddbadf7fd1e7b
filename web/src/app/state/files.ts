import { signal } from '@preact/signals';
import type { Found } from '../../worker/services/page';
import type { HashReading } from '../hash';
import { type Config, defaults, settings } from '../settings';

/** What was opened, as it was read: a worker that is started anew reads it again. */
interface OpenedFiles {
  files: readonly File[];
  config: Config;
  found: Found;
}

export interface Complaint {
  title: string;
  /** The first says what is wrong, the others where. */
  lines: string[];
}

/** By the names that the settings data and weights have for them. */
export const opened = new Map<string, OpenedFiles>();

/** Why the files that were last given could not be opened. */
export const complaint = signal<Complaint | null>(null);
/** Names of the files that are being read; empty: none are. */
export const reading = signal('');

export const foundIn = (name: string): Found | undefined => opened.get(name)?.found;

export const NAMED = ['data', 'weights'] as const;

/** Which settings name a file that a link cannot carry. */
export function fromFiles(config: Config): (typeof NAMED)[number][] {
  return NAMED.filter((key) => config[key] !== defaults[key]);
}

/** A link names files that are not here: the page says so, and takes what it has. */
export function heldBack({ config, problems }: HashReading): HashReading {
  const missing = fromFiles(config).filter((key) => !opened.has(config[key]));
  const said = missing.map(
    (key) =>
      `${settings[key].label} "${config[key]}" was opened from a file, which a link cannot carry; ${key === 'data' ? 'Fashion-MNIST is used' : 'weights are drawn from the seed'}. Open the file to go on with it.`,
  );
  const own = Object.fromEntries(missing.map((key) => [key, defaults[key]]));
  return { config: { ...config, ...own }, problems: [...problems, ...said] };
}

/** Settings of which the network follows. Weights of a file are those of one network. */
const NETWORK = ['norm', 'groups', 'renorm', 'placement'] as const;

/** Where another network is chosen, the weights of a file have no place any more. */
export function withoutStaleWeights(next: Config, changed: readonly (keyof Config)[]): Config {
  if (next.weights === defaults.weights || changed.includes('weights')) return next;
  const another = NETWORK.some((key) => changed.includes(key) || next.arms.some((arm) => key in arm));
  return another || changed.includes('model') ? { ...next, weights: defaults.weights } : next;
}

export const hasOpened = () => opened.size > 0;
