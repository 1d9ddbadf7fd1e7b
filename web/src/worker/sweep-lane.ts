import * as Comlink from 'comlink';
import { createEngine, type Dataset, makeDataset } from 'normlab';
import { toFailure } from './failure';
import type { Failure, SweepJob, SweepPlan, SweepResult } from './protocol';

/*
 * A worker that makes runs of a sweep, one at a time. The page starts it, and not the worker that trains: browsers differ
 * in how well they end workers of workers, and a training that goes on must not wait for one.
 */

/** Data sets without their functions. */
export type LaneData = Record<'train' | 'test', Omit<Dataset, 'slice' | 'batch'>>;

export interface LaneApi {
  /** Makes a run; the port is told how many of its steps are done. */
  run(plan: SweepPlan, run: SweepJob, progress: MessagePort): Promise<SweepResult | { failure: Failure }>;
}

const ready = new Promise<Awaited<ReturnType<typeof prepare>>>((resolve, reject) => {
  addEventListener('message', function take({ data }) {
    if (!(data?.images instanceof MessagePort)) return;
    removeEventListener('message', take);
    prepare(data.images).then(resolve, reject);
  });
});
// Each run tells of the failure; a rejection that no run has waited for yet is none to report.
ready.catch(() => {});

async function prepare(port: MessagePort) {
  const [engine, { train, test }] = await Promise.all([
    createEngine(),
    new Promise<LaneData>((resolve) => {
      port.onmessage = (event) => resolve(event.data);
    }),
  ]);
  port.close();
  return { engine, data: { train: makeDataset(train), test: makeDataset(test) } };
}

const api: LaneApi = {
  async run({ model, images, epochs }, { norm, batchSize, seed }, progress) {
    try {
      const { engine, data } = await ready;
      const { runs } = await engine.sweep({
        ...{ model, data, epochs, limit: images, workers: 0 },
        ...{ norms: [norm], batchSizes: [batchSize], seeds: [seed] },
        onProgress: ({ steps }) => progress.postMessage(steps),
      });
      const [{ history, ...result }] = runs as [(typeof runs)[number]];
      return { ...result, history: { epochs: history.epochs } };
    } catch (error) {
      return { failure: toFailure(error) };
    }
  },
};

Comlink.expose(api);
