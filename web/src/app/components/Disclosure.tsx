import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface Props {
  label: string;
  class: string;
  /** Is given what hides it, and whether it is shown. */
  children: (close: () => void, open: boolean) => ComponentChildren;
}

/** A button that shows and hides what stands beneath it. Escape, or a click elsewhere, hides it again. */
export function Disclosure({ label, class: className, children }: Props) {
  const open = useSignal(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const close = () => {
    // What is hidden cannot keep the focus.
    if (root.current?.contains(document.activeElement)) button.current?.focus();
    open.value = false;
  };
  useEffect(() => {
    const outside = ({ target }: Event) => {
      if (!root.current?.contains(target as Node)) open.value = false;
    };
    const leave = ({ key }: KeyboardEvent) => {
      if (key === 'Escape' && open.peek()) close();
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    document.addEventListener('keydown', leave);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
      document.removeEventListener('keydown', leave);
    };
  }, [open]);
  return (
    <div class={`disclosure ${className}`} ref={root}>
      <button
        ref={button}
        type="button"
        class={`quiet ${className}-opener`}
        aria-expanded={open.value}
        aria-controls={id}
        onClick={() => {
          open.value = !open.peek();
        }}
      >
        {label}
      </button>
      <div id={id} class={`disclosed ${className}-items`} data-open={open.value}>
        {children(close, open.value)}
      </div>
    </div>
  );
}
