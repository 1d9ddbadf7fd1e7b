import { Runner } from './run.js';
import { listen } from './threads.js';

/*
 * A thread that does runs: first it is given the module and the data, then one job after the other.
 */

/** @type {Runner} */
let runner;
const post = listen(async ({ module, data, job }) => {
  if (module) {
    runner = new Runner(module, data);
    return;
  }
  try {
    post({ run: await runner.run(job, { onStep: (step) => post({ step }) }) });
  } catch (error) {
    post({ failure: error });
  }
});
