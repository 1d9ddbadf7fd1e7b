import type { Core } from 'normlab/core';
import type { Data } from './run';
import { shippedImages } from './shipped-images';

/* What is fetched with the images: nothing of it is of use without them. */
export { addTraining } from 'normlab/training';
export { Run } from './run';

type Loaded = (share: number | null) => void;

/** The images that the page trains on. */
export const images: (listener: Loaded, engine: Promise<Core>) => Promise<Data> = shippedImages;
