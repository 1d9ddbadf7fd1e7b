import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** Narrower than this the settings are folded, so that the figures are not a screen away. */
const WIDE = '(min-width: 700px)';

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
  useEffect(() => {
    const wide = matchMedia(WIDE);
    const fold = () => {
      if (details.current) details.current.open = wide.matches;
    };
    fold();
    wide.addEventListener('change', fold);
    return () => wide.removeEventListener('change', fold);
  }, [until]);
  return (
    <details class="run-settings" ref={details}>
      <summary>
        <span class="summary-title">{title}</span>
        <span class="summary-values">{values}</span>
      </summary>
      {children}
    </details>
  );
}
