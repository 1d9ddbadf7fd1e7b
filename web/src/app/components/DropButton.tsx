import { useRef } from 'preact/hooks';
import type { LabModel } from '../state/lab';
import { openFiles } from '../state/late-files';

/** Opens files as dropping them does. */
export function DropButton({ lab }: { lab: LabModel }) {
  const input = useRef<HTMLInputElement>(null);
  const choose = () => {
    const { files } = input.current as HTMLInputElement;
    openFiles(lab, [...(files ?? [])]);
    // Else the same files, mended, could not be chosen again.
    if (input.current) input.current.value = '';
  };
  return (
    <>
      <button type="button" class="quiet" onClick={() => input.current?.click()}>
        Open file…
      </button>
      <input ref={input} type="file" multiple hidden aria-label="Files to open" onChange={choose} />
    </>
  );
}
