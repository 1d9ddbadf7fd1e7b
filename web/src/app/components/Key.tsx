import type { ComponentChildren } from 'preact';

interface Props {
  label: string;
  enabled: boolean;
  primary?: boolean;
  onPress: () => void;
  /** The icon, in a box of 14 × 14. */
  children: ComponentChildren;
}

/** A large button. aria-disabled rather than disabled: a button that was just pressed must keep the focus. */
export function Key({ label, enabled, primary, onPress, children }: Props) {
  return (
    <button
      type="button"
      class={primary ? 'key primary' : 'key'}
      aria-disabled={!enabled}
      onClick={() => enabled && onPress()}
    >
      <svg viewBox="0 0 14 14" aria-hidden="true" focusable="false">
        {children}
      </svg>
      {label}
    </button>
  );
}
