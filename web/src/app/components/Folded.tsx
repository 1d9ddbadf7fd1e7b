import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { room } from '../state/room';

interface Props {
  title?: string;
  values: string;
  /** Where it folds, it folds again when this changes: something has been chosen in it. */
  until?: string;
  children: ComponentChildren;
}

/** Settings with their values in a line, for where they are folded. */
export function Folded({ title = 'Settings', values, until, children }: Props) {
  const details = useRef<HTMLDetailsElement>(null);
  const roomy = useSignal(false);
  useEffect(() => {
    const wide = room();
    const fold = () => {
      roomy.value = wide.matches;
      if (details.current) details.current.open = wide.matches;
    };
    fold();
    wide.addEventListener('change', fold);
    return () => wide.removeEventListener('change', fold);
  }, [until, roomy]);
  return (
    <details class={roomy.value ? 'run-settings roomy' : 'run-settings'} ref={details}>
      <summary>
        <span class="summary-title">{title}</span>
        <span class="summary-values">{values}</span>
      </summary>
      {children}
    </details>
  );
}
