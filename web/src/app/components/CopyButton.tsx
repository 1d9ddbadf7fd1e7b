import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

interface Props {
  label: string;
  text: () => string | Promise<string>;
}

/** How long it says that it has copied. */
const TOLD_MS = 2000;

/** Copies a text, and says that it has. */
export function CopyButton({ label, text }: Props) {
  const told = useSignal('');
  useEffect(() => {
    if (!told.value) return;
    const timer = setTimeout(() => {
      told.value = '';
    }, TOLD_MS);
    return () => clearTimeout(timer);
  }, [told.value]);
  return (
    <span class="copy">
      <button
        type="button"
        class="quiet"
        onClick={async () => {
          told.value = (await copy(await text())) ? 'Copied' : 'Not copied: the browser does not allow it';
        }}
      >
        {label}
      </button>
      <span class="copied" aria-live="polite">
        {told.value}
      </span>
    </span>
  );
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

/** Where the clipboard is closed to scripts, as in most iframes, the selection may still be copied. */
function copySelected(text: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return done;
}
