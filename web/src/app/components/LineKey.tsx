import type { Mode } from '../../worker/protocol';

/** The line style of a mode, as everywhere on the page: eval solid, train dashed. */
export function LineKey({ mode }: { mode: Mode }) {
  return (
    <svg class="line-key" data-mode={mode} viewBox="0 0 28 6" aria-hidden="true" focusable="false">
      <line x1="0" y1="3" x2="28" y2="3" />
    </svg>
  );
}
