import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

/** Rest after which a change is worth saying. */
const REST_MS = 300;

/** Says a sentence to those who do not see it, once it stands still. */
export function Said({ id, text }: { id: string; text: string }) {
  const said = useSignal(text);
  useEffect(() => {
    const rest = setTimeout(() => {
      said.value = text;
    }, REST_MS);
    return () => clearTimeout(rest);
  }, [text, said]);
  return (
    <p class="visually-hidden" id={id} role="status">
      {said.value}
    </p>
  );
}
