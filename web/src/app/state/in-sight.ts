import { type ReadonlySignal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/** So far outside the window something counts as in sight: it is up to date when it comes in. */
const MARGIN = '200px';

/**
 * Reads signals that change many times a second: while `moving` and out of sight as they were when last drawn, without
 * drawing anew each time.
 */
export function useReader(box: RefObject<Element | null>, moving: boolean): <T>(signal: ReadonlySignal<T>) => T {
  const inSight = useSignal(true);
  useEffect(() => {
    if (!box.current) return;
    const watching = new IntersectionObserver(
      (entries) => {
        inSight.value = entries.at(-1)?.isIntersecting ?? true;
      },
      { rootMargin: MARGIN },
    );
    watching.observe(box.current);
    return () => watching.disconnect();
  }, [box, inSight]);
  const live = inSight.value || !moving;
  return (signal) => (live ? signal.value : signal.peek());
}
