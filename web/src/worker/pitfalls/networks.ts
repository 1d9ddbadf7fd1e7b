import type { ModelSpec } from 'normlab';

/** Linear layers of 64 with BatchNorm and ReLU each: deep enough for wrong statistics to add up, and quickly trained. */
export function deepMlp(depth: number, normOptions: Record<string, unknown> = {}): ModelSpec {
  const block = [{ type: 'linear', outFeatures: 64 }, { type: 'batchNorm', ...normOptions }, { type: 'relu' }];
  return {
    input: [1, 28, 28],
    seed: 1,
    layers: [
      { type: 'flatten' },
      ...Array.from({ length: depth }, () => block).flat(),
      { type: 'linear', outFeatures: 10 },
    ],
  };
}

/** What most scenarios train with. */
export const sgd = (lr: number) => ({ optimizer: { lr, momentum: 0.9 } });
