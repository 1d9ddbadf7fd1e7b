import { useSignal } from '@preact/signals';
import { copy } from '../state/clipboard';
import { say } from '../state/said';
import { lazy } from './lazy';

const ByHand = lazy(() => import('./ByHand'), { quiet: true });

interface Props {
  label: string;
  /** What is copied, made when it is asked for. */
  text: () => string | Promise<string>;
  /** What is to be known of what was copied. */
  note?: () => string;
}

/** Copies a text and says so. Where the browser refuses, the text is shown, selected, to be copied by hand. */
export function CopyButton({ label, text, note }: Props) {
  const refused = useSignal<string | null>(null);
  const failure = useSignal('');
  const press = async () => {
    refused.value = null;
    failure.value = '';
    try {
      const content = await text();
      if (await copy(content)) say(`Copied: ${label.replace(/^Copy /, '')}. ${note?.() ?? ''}`.trim());
      else refused.value = content;
    } catch (error) {
      failure.value = error instanceof Error ? error.message : String(error);
    }
  };
  const close = () => {
    refused.value = null;
  };
  return (
    <span class="copy">
      <button type="button" class="quiet" onClick={press}>
        {label}
      </button>
      {refused.value !== null && <ByHand text={refused.value} close={close} />}
      {failure.value && (
        <span class="error" role="alert">
          Nothing was copied: {failure.value}
        </span>
      )}
    </span>
  );
}
