/*
 * What the page elsewhere fetches is in the file itself, as base64 in elements that no browser runs. From a file nothing can be
 * fetched, nor a worker started: its script is the page's own, and what it needs comes in its first message.
 */

export const modules = {
  relaxed: 'normlab.relaxed.wasm',
  simd: 'normlab.simd.wasm',
  scalar: 'normlab.scalar.wasm',
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

/** A file in base64, in either thread. */
export const fileOf = (name: string) => (sent ? (sent[name] ?? '') : textOf(name));
