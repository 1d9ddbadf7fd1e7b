import type { Dataset } from 'normlab';
import { makeDataset } from 'normlab';
import type { BatchPlan } from './modes-plan';

/** Sets begin this far from each other; the largest batch. */
const SET = 64;

/** The test images in the order they have, and class after class. */
export class TestImages {
  readonly #byClass: number[][];
  #sorted: Dataset | null = null;

  constructor(readonly data: Dataset) {
    this.#byClass = Array.from({ length: data.classes }, () => []);
    data.labels.forEach((label, i) => {
      this.#byClass[label]?.push(i);
    });
  }

  /** All of them, as an evaluation in this order goes through them. */
  all(order: BatchPlan['order']): Dataset {
    if (order === 'random') return this.data;
    this.#sorted ??= this.subset(this.#byClass.flat());
    return this.#sorted;
  }

  subset(indices: readonly number[]): Dataset {
    const { images, labels, shape, mean, std, classes, classNames } = this.data;
    const size = images.length / labels.length;
    const chosen =
      images instanceof Uint8Array ? new Uint8Array(indices.length * size) : new Float32Array(indices.length * size);
    indices.forEach((index, i) => {
      chosen.set(images.subarray(index * size, (index + 1) * size), i * size);
    });
    const rest = { shape, mean, std, classes, ...(classNames && { classNames }) };
    return makeDataset({ ...rest, images: chosen, labels: indices.map((index) => labels[index] as number) });
  }

  /** Mixed, the set's images follow each other; sorted, they are of the class that is its last digit. */
  batch({ size, order, set }: BatchPlan): number[] {
    const first = (order === 'random' ? set : Math.floor(set / this.data.classes)) * SET;
    const pool = this.pool(order, set);
    return Array.from({ length: size }, (_, i) => pool[(first + i) % pool.length] as number);
  }

  /** Other images for an image's batch: equal numbers give equal companions. */
  companions({ size, order, set }: BatchPlan, image: number | null, draw: number): number[] {
    if (draw === 0) {
      const batch = this.batch({ size, order, set });
      return image === null ? batch.slice(0, size - 1) : batch.filter((index) => index !== image);
    }
    const pool = this.pool(order, set);
    const below = numbers(draw);
    const chosen = new Set<number>();
    while (chosen.size < size - 1) {
      const index = pool[below(pool.length)] as number;
      if (index !== image) chosen.add(index);
    }
    return [...chosen];
  }

  private pool(order: BatchPlan['order'], set: number): readonly number[] {
    if (order === 'sorted') return this.#byClass[set % this.data.classes] as number[];
    return Array.from({ length: this.data.length }, (_, i) => i);
  }
}

/** Whole numbers below a bound, from a seed: Weyl steps through a 32-bit mix (splitmix32). */
function numbers(seed: number): (bound: number) => number {
  let state = Math.imul(seed, 0x85ebca6b);
  return (bound) => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return Math.floor((((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32) * bound);
  };
}
