import type { Engine } from 'normlab';
import { NormlabError } from 'normlab/core';
import type { FileContent, RunConfig } from './protocol';
import { type DataKind, dataKind, type ReadData, readData, type Source } from './read-data';
import { isSafetensors, type ReadModel, readModel } from './read-model';
import type { Data } from './run';

const HEAD = 16;

export const READABLE =
  'What can be opened: a model file or PyTorch tensors (safetensors), images and labels as IDX files (both together), CIFAR-10 batches (bin), or npz with the arrays images and labels.';

export type Read = { kind: 'data'; data: ReadData } | { kind: 'model'; model: ReadModel };

/** Reads files that belong together. What they are is told by what they hold. */
export async function readFiles(
  engine: Engine,
  files: readonly FileContent[],
  config: RunConfig,
  data: Data,
): Promise<Read> {
  const sources = await Promise.all(files.map(sourceOf));
  const [first] = sources;
  if (first && sources.length === 1 && isSafetensors(first.bytes)) {
    return { kind: 'model', model: readModel(engine, first.bytes, config, data) };
  }
  const kinds = sources.map((source) => dataKind(source));
  const stranger = sources[kinds.indexOf(null)];
  if (stranger) throw format(`${stranger.name} is none of the files that this page reads. ${READABLE}`);
  if (new Set(kinds).size > 1) throw format(`Files of one kind make a data set; these are of several. ${READABLE}`);
  return { kind: 'data', data: readData(engine, kinds[0] as DataKind, sources) };
}

async function sourceOf({ name, bytes }: FileContent): Promise<Source> {
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return { name, bytes, head: packed ? await unpackedHead(bytes) : bytes.subarray(0, HEAD) };
}

/** The first bytes of what is inside; none where it is no gzip after all. */
async function unpackedHead(bytes: FileContent['bytes']): Promise<Uint8Array> {
  const { body } = new Response(bytes);
  const stream = body as NonNullable<typeof body>;
  const reader = stream.pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    return ((await reader.read()).value ?? new Uint8Array()).subarray(0, HEAD);
  } catch {
    return new Uint8Array();
  } finally {
    reader.cancel().catch(() => {});
  }
}

const format = (message: string) => new NormlabError('format', message);
