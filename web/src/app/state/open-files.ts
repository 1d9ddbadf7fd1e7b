import type { Failure, FileContent } from '../../worker/protocol';
import type { Found } from '../../worker/services/page';
import { defaults } from '../settings';
import { Refusal } from './client';
import { plainMessage } from './explain';
import { complaint, NAMED, opened, reading } from './files';
import type { LabModel } from './lab';
import { say } from './said';

/** More than a page can hold beside what it trains. */
const MOST_BYTES = 2 ** 30;

/** Reads files and goes on with what they hold. Where they cannot be read, everything stays as it was. */
export async function openFiles(lab: LabModel, files: readonly File[]): Promise<void> {
  const [first] = files;
  if (!first) return;
  complaint.value = null;
  reading.value = files.map(({ name }) => name).join(', ');
  try {
    const name = freeName(first.name);
    const config = { ...lab.config.peek() };
    const found = await lab.ask('page', 'open', name, await contents(files), config);
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

async function contents(files: readonly File[]): Promise<FileContent[]> {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (size > MOST_BYTES) {
    const message = `${Math.round(size / 1e6)} MB are more than a page can hold; 1,000 MB are the most.`;
    throw new Refusal({ name: 'NormlabError', code: 'format', message });
  }
  return Promise.all(files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })));
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

/** Gives a new worker what was opened in the one before. What cannot be read any more is given up. */
export async function openAgain(lab: Pick<LabModel, 'ask'>): Promise<void> {
  for (const [name, { files, config }] of opened) {
    try {
      await lab.ask('page', 'open', name, await contents(files), config);
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
