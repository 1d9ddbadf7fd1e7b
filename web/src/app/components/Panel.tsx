import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LabModel } from '../state/lab';
import { type View, type ViewId, type ViewModule, views } from '../views';

/** The tabs that have been fetched; a string: why one could not be. */
const fetched = signal<Partial<Record<ViewId, View | string>>>({});

/** Whether a tab has been fetched; else why it could not be, or null as long as it is on its way. */
export const viewState = (id: ViewId): true | string | null => {
  const found = fetched.value[id];
  return typeof found === 'function' ? true : (found ?? null);
};

export const loadView = (id: ViewId): Promise<ViewModule> =>
  (views.find((view) => view.id === id) as (typeof views)[number]).load();

async function fetchView(id: ViewId): Promise<void> {
  const put = (found: View | string | undefined) => {
    fetched.value = { ...fetched.peek(), [id]: found };
  };
  put(undefined);
  try {
    put((await loadView(id)).default);
  } catch (error) {
    put(error instanceof Error ? error.message : String(error));
  }
}

/** The tab that is open. */
export function Panel({ lab, view }: { lab: LabModel; view: ViewId }) {
  const Content = fetched.value[view];
  useEffect(() => {
    if (typeof fetched.peek()[view] !== 'function') fetchView(view);
  }, [view]);
  if (typeof Content === 'function') return <Content lab={lab} />;
  if (Content === undefined) return <p class="note" aria-busy="true" />;
  return (
    <section class="trouble" role="alert">
      <h2>This tab could not be fetched</h2>
      <p>{Content}</p>
      <button type="button" class="key" onClick={() => fetchView(view)}>
        Try again
      </button>
    </section>
  );
}
