import { useEffect } from 'preact/hooks';
import { writeHash } from '../hash';
import { Refusal } from '../state/client';
import { plainMessage } from '../state/explain';
import { fromFiles } from '../state/files';
import type { LabModel } from '../state/lab';
import { frameOf, linkTo, notes } from '../state/links';
import { Undo, undoKey } from '../state/undo';
import { ActionsExport } from './ActionsExport';
import { CopyButton } from './CopyButton';
import { Disclosure } from './Disclosure';
import { DropButton } from './DropButton';

/** The state as it stands, wherever it is opened. */
const hashOf = (lab: LabModel) => writeHash({ ...lab.config.peek(), embed: false });

/** What is to be known of a link, and what of the state stays behind. */
function caveats(lab: LabModel, note: string): string {
  const names = fromFiles(lab.config.peek()).map((key) => lab.config.peek()[key]);
  return `${note} ${names.length > 0 ? `It cannot carry ${names.join(' and ')}.` : ''}`.trim();
}

function embedCode(lab: LabModel): string {
  const source = frameOf(hashOf(lab)).replaceAll('&', '&amp;');
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
            <CopyButton label="Copy link" text={() => linkTo(hashOf(lab))} note={() => caveats(lab, notes.link)} />
            <CopyButton label="Copy PyTorch code" text={() => pytorchCode(lab)} />
            <CopyButton label="Copy embed code" text={() => embedCode(lab)} note={() => caveats(lab, notes.frame)} />
            <ActionsExport lab={lab} />
            <DropButton lab={lab} />
          </>
        )}
      </Disclosure>
    </section>
  );
}
