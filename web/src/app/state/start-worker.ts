/** The addresses are written out because this is the form that bundlers recognize. */

export const startWorker = () =>
  new Worker(new URL('../../worker/worker.ts', import.meta.url), { type: 'module', name: 'normlab' });

/** One of those that make the runs of a sweep. */
export const startSweeper = () =>
  new Worker(new URL('../../worker/sweep-lane.ts', import.meta.url), { type: 'module', name: 'normlab-sweep' });
