import { useEffect } from 'preact/hooks';
import { writeHash } from '../hash';
import { Refusal } from '../state/client';
import { plainMessage } from '../state/explain';
import { fromFiles } from '../state/files';
import type { LabModel } from '../state/lab';
import { Undo, undoKey } from '../state/undo';
import { ActionsExport } from './ActionsExport';
import { CopyButton } from './CopyButton';
import { Disclosure } from './Disclosure';
import { DropButton } from './DropButton';

/** The address of this page as it stands, or as it would stand in another page. */
function address(lab: LabModel, embed: boolean): string {
  return location.href.split('#')[0] + writeHash({ ...lab.config.peek(), embed });
}

/** What of the state stays behind. */
function missing(lab: LabModel): string {
  const names = fromFiles(lab.config.peek()).map((key) => lab.config.peek()[key]);
  return names.length > 0 ? `It cannot carry ${names.join(' and ')}.` : '';
}

function embedCode(lab: LabModel): string {
  const source = address(lab, true).replaceAll('&', '&amp;');
  return `<iframe src="${source}" title="Normlab" width="100%" height="720" style="border: 0" loading="lazy"></iframe>`;
}

async function pytorchCode(lab: LabModel): Promise<string> {
  try {
    return await lab.ask('page', 'pytorch', lab.chosen.peek().config.peek());
  } catch (error) {
    throw error instanceof Refusal ? new Error(plainMessage(error.failure)) : error;
  }
}

/** What can be done on every tab. On phones all but undo and redo is in a menu. */
export function Actions({ lab }: { lab: LabModel }) {
  const undo = lab.tab('undo', () => new Undo(lab));
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => undoKey(undo, event);
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [undo]);
  return (
    <section class="actions" aria-label="Actions">
      <button type="button" class="quiet" aria-disabled={!undo.possible} onClick={() => undo.undo()}>
        Undo
      </button>
      <button type="button" class="quiet" aria-disabled={!undo.redoable} onClick={() => undo.redo()}>
        Redo
      </button>
      <Disclosure label="Menu" class="menu">
        {() => (
          <>
            <CopyButton label="Copy link" text={() => address(lab, false)} note={() => missing(lab)} />
            <CopyButton label="Copy PyTorch code" text={() => pytorchCode(lab)} />
            <CopyButton label="Copy embed code" text={() => embedCode(lab)} note={() => missing(lab)} />
            <ActionsExport lab={lab} />
            <DropButton lab={lab} />
          </>
        )}
      </Disclosure>
    </section>
  );
}
