import type { ValuesPerImage } from '../../../worker/services/batches';
import { count } from '../../state/status';

/** An estimate of the variance that is off by more than this share of itself makes BatchNorm another function in each batch. */
const UNRELIABLE = 0.25;

/** By how much of itself the variance of m normal values is off: its standard deviation, √(2 / (m − 1)). */
export function varianceError(m: number): number {
  return Math.sqrt(2 / (m - 1));
}

/** Why BatchNorm fails at the smallest of the batch sizes, or why it does not. */
export function explainValues({ least }: ValuesPerImage, batchSize: number): string {
  const m = least * batchSize;
  const off = `${Math.round(100 * varianceError(m))} %`;
  if (varianceError(m) > UNRELIABLE) {
    return `BatchNorm fails at small m: at batch size ${batchSize} it has only ${count(m)} values for a mean and a variance, which is then off by about ${off} of itself, so what becomes of an image depends on its companions in the batch, and the running averages that eval mode uses fit none of the batches that the weights were trained with.`;
  }
  const reason =
    least > 1
      ? `each image brings ${count(least)} values or more, for a channel has many positions`
      : 'the batch has images enough';
  return `BatchNorm does not fail here: even at batch size ${batchSize} each mean and variance comes from ${count(m)} values or more, because ${reason}, so the variance is off by about ${off} of itself only.`;
}
