/*
 * What the page elsewhere fetches is in the file itself, as base64 in elements that no browser runs. From a file nothing can be
 * fetched, nor a worker started: its script is the page's own, and what it needs comes in its first message.
 */

export const modules = {
  relaxed: 'normlab.relaxed.wasm.lzma',
  simd: 'normlab.simd.wasm.lzma',
  scalar: 'normlab.scalar.wasm.lzma',
};
export const images = [
  'train-images-idx3-ubyte.gz',
  'train-labels-idx1-ubyte.gz',
  't10k-images-idx3-ubyte.gz',
  't10k-labels-idx1-ubyte.gz',
];

type Files = Record<string, string>;

let sent: Files | null = null;

/** In a worker: takes what the page sends it. */
export function receiveFiles(): void {
  addEventListener('message', function take({ data }: MessageEvent<{ files?: Files }>) {
    if (!data.files) return;
    sent = data.files;
    removeEventListener('message', take);
  });
}

/** What stands in the element of the page with this id. */
export const textOf = (id: string) => document.getElementById(id)?.textContent ?? '';

/** A file, in either thread. Fetched from an address that has it all in it, it would take ten times as long. */
export function bytesOf(name: string): Uint8Array {
  const binary = atob(sent ? (sent[name] ?? '') : textOf(name));
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
