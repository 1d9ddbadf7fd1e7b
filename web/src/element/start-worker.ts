/*
 * The element's script is its worker's too, so that one file is enough. In place of `app/state/start-worker.ts` in builds of
 * one script.
 */

/** Bundled with other scripts this one has another name, and started as a worker would run those too. */
const OWN_NAME = /\/normlab-element(?:\.inline)?\.js(?:[?#]|$)/;

function start(name: string): Worker {
  const address = import.meta.url;
  if (!OWN_NAME.test(address)) throw new Error('the script is part of another');
  const type = 'module';
  if (new URL(address).origin === location.origin) return new Worker(address, { type, name });
  // Workers are of the page's own origin; theirs may import what is of another.
  const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(address)}`], { type: 'text/javascript' }));
  const worker = new Worker(blob, { type, name });
  worker.addEventListener('message', () => URL.revokeObjectURL(blob), { once: true });
  return worker;
}

export const startWorker = () => start('normlab');
export const startSweeper = () => start('normlab-sweep');
