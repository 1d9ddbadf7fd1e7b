import { loadFashionMnist } from 'normlab/training';
import type { Data } from './run';

/** Share of the bytes that has come, 0 to 1; null where nobody tells how many there are. */
type Listener = (loaded: number | null) => void;

let images: Promise<Data> | null = null;
const listeners = new Set<Listener>();

/** The images that the page ships, fetched once for all sessions of a thread. What could not be fetched is tried again. */
export function shippedImages(listener: Listener): Promise<Data> {
  listeners.add(listener);
  images ??= loadFashionMnist(({ loaded, total }) => {
    for (const tell of listeners) tell(total ? loaded / total : null);
  });
  images.catch(() => {
    images = null;
  });
  return images.finally(() => listeners.delete(listener));
}
