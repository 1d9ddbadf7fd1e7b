import { signal } from '@preact/signals';
import type { Failure } from '../../worker/protocol';
import type { Found } from '../../worker/services/page';
import type { HashReading } from '../hash';
import { type Config, defaults, settings } from '../settings';
import { Refusal } from './client';
import { plainMessage } from './explain';
import type { LabModel } from './lab';
import { say } from './said';

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
const opened = new Map<string, OpenedFiles>();

/** Why the files that were last given could not be opened. */
export const complaint = signal<Complaint | null>(null);
/** Names of the files that are being read; empty: none are. */
export const reading = signal('');

export const foundIn = (name: string): Found | undefined => opened.get(name)?.found;

const NAMED = ['data', 'weights'] as const;

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

/** Reads files and goes on with what they hold. Where they cannot be read, everything stays as it was. */
export async function openFiles(lab: LabModel, files: readonly File[]): Promise<void> {
  const [first] = files;
  if (!first) return;
  complaint.value = null;
  reading.value = files.map(({ name }) => name).join(', ');
  try {
    const name = freeName(first.name);
    const config = { ...lab.config.peek() };
    const found = await lab.ask('page', 'open', name, [...files], config);
    opened.set(name, { files, config, found });
    take(lab, name, found);
  } catch (error) {
    const failure: Failure =
      error instanceof Refusal ? error.failure : { name: 'Error', code: 'unknown', message: String(error) };
    const lines = plainMessage(failure).split(/\n\t?/);
    complaint.value = { title: `${reading.peek()} could not be opened`, lines };
  } finally {
    reading.value = '';
  }
}

function take(lab: LabModel, name: string, found: Found): void {
  const before = lab.config.peek();
  if (found.kind === 'data') {
    lab.apply({ ...before, view: 'train', data: name, images: 0 });
    say(`Opened ${name}: training starts over on its images.`);
    return;
  }
  lab.apply({ ...before, ...found.settings, arms: [], view: 'train', weights: name, layer: '' });
  say(`Opened ${name}: training goes on from its weights.`);
}

export const hasOpened = () => opened.size > 0;

/** Gives a new worker what was opened in the one before. What cannot be read any more is given up. */
export async function openAgain(lab: Pick<LabModel, 'ask'>): Promise<void> {
  for (const [name, { files, config }] of opened) {
    try {
      await lab.ask('page', 'open', name, [...files], config);
    } catch (error) {
      if (!(error instanceof Refusal && error.failure.code === 'worker')) opened.delete(name);
    }
  }
}

/** The file's name as a setting can have it, unlike all names before. */
function freeName(fileName: string): string {
  const plain = fileName.replace(/[^\w.-]+/g, '-').slice(0, 56) || 'file';
  const taken = (name: string) => opened.has(name) || NAMED.some((key) => defaults[key] === name);
  let name = plain;
  for (let i = 2; taken(name); i++) name = `${plain}-${i}`;
  return name;
}
