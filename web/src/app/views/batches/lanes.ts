import * as Comlink from 'comlink';
import type { Failure, SweepJob, SweepPlan, SweepResult } from '../../../worker/protocol';
import type { LaneApi } from '../../../worker/sweep-lane';
import { startSweeper } from '../../state/start-worker';

export interface LaneEvents {
  /** Of all runs that are to be made, together. */
  onSteps(steps: number, totalSteps: number): void;
  onRun(result: SweepResult): void;
  /** All runs have been made, or they cannot go on. */
  onEnd(failure?: Failure): void;
}

/**
 * Makes the runs, as many at a time as there are processors, and returns what gives them up. `sendImages` has the images
 * sent through a port.
 */
export function makeRuns(
  plan: SweepPlan,
  runs: readonly SweepJob[],
  sendImages: (port: MessagePort) => Promise<void>,
  { onSteps, onRun, onEnd }: LaneEvents,
): () => void {
  // Small batches make the most steps: begun last, one of them would be waited for alone.
  const queue = [...runs].sort((a, b) => a.batchSize - b.batchSize);
  const stepsOf = ({ batchSize }: SweepJob) => plan.epochs * Math.ceil(plan.images / batchSize);
  const total = queue.reduce((sum, run) => sum + stepsOf(run), 0);
  const done = new Map<SweepJob, number>();
  const ends: (() => void)[] = [];
  let left = queue.length;
  let over = false;

  function stop(): void {
    over = true;
    // Whoever begins anew stops what was before, be it over or not.
    for (const each of ends.splice(0)) each();
  }
  function end(failure?: Failure): void {
    if (over) return;
    stop();
    onEnd(failure);
  }
  function tell(run: SweepJob, steps: number): void {
    if (over) return;
    done.set(run, steps);
    onSteps(
      [...done.values()].reduce((sum, one) => sum + one, 0),
      total,
    );
  }

  async function work(lane: Comlink.Remote<LaneApi>): Promise<void> {
    for (let run = queue.shift(); run && !over; run = queue.shift()) {
      const own = run;
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }: MessageEvent<number>) => tell(own, data);
      // A port to a worker that was ended is never closed by it.
      ends.push(() => port1.close());
      const result = await lane.run(plan, own, Comlink.transfer(port2, [port2]));
      port1.close();
      if (over) return;
      if ('failure' in result) return end(result.failure);
      onRun(result);
      tell(own, stepsOf(own));
      if (--left === 0) end();
    }
  }

  function startLane(): void {
    const worker = startSweeper();
    const lane = Comlink.wrap<LaneApi>(worker);
    ends.push(() => {
      // What it still owes an answer would be kept for it.
      lane[Comlink.releaseProxy]();
      worker.terminate();
    });
    const fail = (message: string) => end({ name: 'WorkerError', code: 'worker', message });
    worker.addEventListener('error', (event) => fail(event.message || 'a worker of the sweep could not be run'));
    worker.addEventListener('messageerror', () => fail('a message from a worker of the sweep could not be read'));
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ images: port1 }, [port1]);
    sendImages(port2).catch((error: Error) => fail(error.message));
    work(lane).catch((error: Error) => fail(error.message));
  }

  try {
    const lanes = Math.min(navigator.hardwareConcurrency || 1, queue.length);
    for (let i = 0; i < lanes; i++) startLane();
  } catch (error) {
    end({ name: 'WorkerError', code: 'unsupported', message: error instanceof Error ? error.message : '' });
  }
  if (left === 0) end();
  return stop;
}
