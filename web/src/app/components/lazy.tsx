import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';

/** A component whose module is fetched when it is first drawn. */
export function lazy<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
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
    useEffect(() => {
      if (typeof fetched.peek() !== 'function') fetchIt();
    }, []);
    if (typeof Content === 'function') return <Content {...props} />;
    if (Content === null) return <p class="note" aria-busy="true" />;
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
