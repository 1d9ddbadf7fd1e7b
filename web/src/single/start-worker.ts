/* In place of `app/state/start-worker.ts` in the build of one file. */

import { images, modules, textOf } from './files';

let script = '';

function start(name: string, files: string[]): Worker {
  script ||= URL.createObjectURL(new Blob([textOf('script')], { type: 'text/javascript' }));
  const worker = new Worker(script, { name });
  worker.postMessage({ files: Object.fromEntries(files.map((id) => [id, textOf(id)])) });
  return worker;
}

export const startWorker = () => start('normlab', [...Object.values(modules), ...images]);

/** Its images come from the other worker. */
export const startSweeper = () => start('normlab-sweep', Object.values(modules));
