import type { Core } from 'normlab/core';
import { synthetic } from 'normlab/training';
import { shippedImages } from '../../worker/shipped-images';

/* In place of `worker/training.ts` in the script that has all in it: where no images stand beside it, there are drawn ones. */
export { addTraining } from 'normlab/training';
export { Run } from '../../worker/run';

/** As many as what `normlab train --data textures` takes. */
const SPLITS = { train: 5000, test: 1000 };
const note = 'Fashion-MNIST does not stand beside the script: these are textures, drawn by the engine.';

export async function images(listener: (share: number | null) => void, engine: Promise<Core>) {
  try {
    return await shippedImages(listener);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'io') throw error;
    const { runtime } = await engine;
    const draw = (split: 'train' | 'test', of?: { mean: number[]; std: number[] }) =>
      synthetic(runtime, 'textures', { ...of, shape: [1, 28, 28], length: SPLITS[split], split });
    const train = draw('train');
    return { train, test: draw('test', { mean: train.mean, std: train.std }), note };
  }
}
