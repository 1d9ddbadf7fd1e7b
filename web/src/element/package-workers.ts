/* In place of `app/state/start-worker.ts` in the build for bundlers, which find the two scripts by these addresses. */

export const startWorker = () =>
  new Worker(new URL(/* @vite-ignore */ './worker.js', import.meta.url), { type: 'module', name: 'normlab' });

export const startSweeper = () =>
  new Worker(new URL(/* @vite-ignore */ './sweep-lane.js', import.meta.url), { type: 'module', name: 'normlab-sweep' });
