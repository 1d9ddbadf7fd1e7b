import { toFailure } from './failure';
import type { SessionEvent } from './protocol';
import type { Run } from './run';

/* What is said of a run. */

/** @returns with the buffers that the event takes along */
export function progressOf(run: Run, allPerSecond: number): [SessionEvent, ArrayBufferLike[]] {
  const { id, phase, step, epoch, imagesPerSecond, failure } = run;
  const { losses, accuracies } = run.takeHistory();
  const evaluating = run.evaluation !== null;
  const figures = { phase, step, epoch, imagesPerSecond, allPerSecond, evaluating, losses, accuracies, failure };
  return [{ type: 'progress', run: id, ...figures }, [losses.buffer, accuracies.buffer]];
}

/** Of an order from which no run could be made. */
export function rejectionOf(run: number, error: unknown): SessionEvent {
  const nothing = { step: 0, epoch: 1, imagesPerSecond: 0, allPerSecond: 0, evaluating: false };
  const history = { losses: new Float32Array(), accuracies: new Float32Array() };
  return { type: 'progress', run, phase: 'failed', ...nothing, ...history, failure: toFailure(error) };
}
