import '../../styles/by-hand.css';
import { useLayoutEffect, useRef } from 'preact/hooks';

/** A text to be copied by keyboard, selected already. */
export default function ByHand({ text, close }: { text: string; close: () => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => field.current?.select(), []);
  return (
    <span class="by-hand">
      <label>
        The browser does not let the page copy. It is selected: copy it by keyboard.
        <textarea ref={field} readOnly rows={4} value={text} />
      </label>
      <button type="button" class="quiet" onClick={close}>
        Done
      </button>
    </span>
  );
}
