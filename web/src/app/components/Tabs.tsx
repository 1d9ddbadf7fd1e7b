import type { LabModel } from '../state/lab';
import { type ViewId, views } from '../views';

export function Tabs({ lab }: { lab: LabModel }) {
  const current = lab.config.value.view;
  const open = (id: ViewId) => {
    lab.set('view', id);
    document.getElementById(`tab-${id}`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const at = views.findIndex(({ id }) => id === current);
    const target = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: views.length - 1 }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const view = views.at(target % views.length);
    if (view) open(view.id);
  };
  return (
    <div class="tabs" role="tablist" aria-label="Views" onKeyDown={onKeyDown}>
      {views.map(({ id, label }) => (
        <button
          key={id}
          id={`tab-${id}`}
          type="button"
          role="tab"
          aria-selected={id === current}
          aria-controls="panel"
          tabIndex={id === current ? 0 : -1}
          onClick={() => open(id)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
