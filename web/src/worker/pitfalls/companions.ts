import type { Dataset, Model } from 'normlab';
import type { Bench } from './bench';
import { argMax } from './numbers';
import type { Curve } from './pitfall';

/** How the answers on a few images depend on the images that are in the batch with them. */
export interface Companions {
  /** Images whose label is not the same in all batches. */
  changed: number;
  images: number;
  /** Largest difference between the confidences that an image got. */
  spread: number;
  /** Confidence of the image with that difference, batch by batch. */
  confidences: number[];
}

const IMAGES = 32;
const BATCHES = 12;
/** Each image and three others: what a small service may be asked at once. */
const BATCH = 4;

/** Passes each of a few images among other companions again and again, in the mode that the model is in. */
export async function amongOthers(bench: Bench, model: Model, test: Dataset): Promise<Companions> {
  const confidences: number[][] = [];
  let changed = 0;
  for (let image = 0; image < IMAGES; image++) {
    await bench.giveWay();
    const labels = new Set<number>();
    const row: number[] = [];
    let first = -1;
    for (let k = 0; k < BATCHES; k++) {
      const others = Array.from({ length: BATCH - 1 }, (_, i) => IMAGES + ((image * BATCHES + k) * (BATCH - 1) + i));
      const { data, shape } = model.forward(test.batch([image, ...others]).x);
      const shares = softmax(data.subarray(0, shape[1]));
      if (first < 0) first = argMax(shares);
      labels.add(argMax(shares));
      row.push(shares[first] as number);
    }
    if (labels.size > 1) changed++;
    confidences.push(row);
  }
  const spreads = confidences.map((row) => Math.max(...row) - Math.min(...row));
  const most = argMax(spreads);
  return {
    changed,
    images: IMAGES,
    spread: spreads[most] as number,
    confidences: confidences[most] as number[],
  };
}

function softmax(logits: Float32Array): number[] {
  const most = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp(value - most));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

/** The confidences of one image as a line. */
export function confidencePlot({ confidences }: Companions, mode: Curve['mode']) {
  const curve: Curve = {
    label: mode === 'train' ? 'batch statistics' : 'running statistics',
    x: confidences.map((_, i) => i + 1),
    y: confidences,
    dots: true,
    norm: 'batch',
    ...(mode && { mode }),
  };
  return {
    label: 'Confidence in one label for one image, in twelve batches with other companions',
    x: { label: 'batch' },
    y: { label: 'confidence', min: 0, max: 1 },
    curves: [curve],
  };
}
