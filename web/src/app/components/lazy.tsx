import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/**
 * A component whose module is fetched when it is first drawn, or not before its place is `inSight`. Where it is waited for says
 * so, unless `quiet`.
 */
export function lazy<P extends object>(
  load: () => Promise<{ default: ComponentType<P> }>,
  { inSight = false, quiet = false } = {},
): ComponentType<P> {
  /** A string: why it could not be fetched. */
  const fetched = signal<ComponentType<P> | string | null>(null);
  const fetchIt = async () => {
    fetched.value = null;
    try {
      fetched.value = (await load()).default;
    } catch (error) {
      fetched.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (props) => {
    const Content = fetched.value;
    const place = useRef<HTMLParagraphElement>(null);
    useEffect(() => {
      if (typeof fetched.peek() === 'function') return;
      if (!inSight || !place.current) {
        fetchIt();
        return;
      }
      const watching = new IntersectionObserver((entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        watching.disconnect();
        fetchIt();
      });
      watching.observe(place.current);
      return () => watching.disconnect();
    }, []);
    if (typeof Content === 'function') return <Content {...props} />;
    if (Content === null) return quiet ? null : <p ref={place} class="note" aria-busy="true" />;
    return (
      <p class="refusal" role="alert">
        This part of the page could not be fetched: {Content}{' '}
        <button type="button" class="quiet" onClick={fetchIt}>
          Try again
        </button>
      </p>
    );
  };
}
