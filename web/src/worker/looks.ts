export { addProbing } from 'normlab/probing';

import { channelStatistics, greyPixels, normLayer, predictImages } from './probes';
import type { Focus, SessionEvent } from './protocol';
import type { Run } from './run';

/* What is looked at of a run: single images, and one of its layers. */

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
