import { toFailure } from './failure';
import { channelStatistics, greyPixels, normLayer, predictImages } from './probes';
import type { Focus, SessionEvent } from './protocol';
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

/** The test images that are looked at, with their labels in either mode. */
export function imagesOf(run: Run, { first, count }: Focus): [SessionEvent, ArrayBufferLike[]] | null {
  const { test } = run.data;
  const end = Math.min(test.length, first + count);
  if (end <= first) return null;
  const [, height = 1, width = 1] = test.shape;
  const pixels = greyPixels(test, first, end - first);
  const labels = [...test.labels.subarray(first, end)];
  const found = predictImages(run.model, test, first, end - first, run.config.batch);
  return [{ type: 'images', run: run.id, step: run.step, pixels, height, width, labels, ...found }, [pixels.buffer]];
}

/** Of the normalization layer that is looked at; null where the model has none. */
export function statisticsOf(run: Run, focus: Focus): SessionEvent | null {
  const layer = normLayer(run.layers, focus.layer);
  if (!layer) return null;
  const channels = channelStatistics(run.model, layer);
  return { type: 'statistics', run: run.id, step: run.step, layer: layer.key, channels };
}
