import type { LabModel } from '../state/lab';
import { Disclosure } from './Disclosure';
import { lazy } from './lazy';

const ExportItems = lazy(() => import('./ExportItems'), { quiet: true });

/** What can be taken away as a file. */
export function ActionsExport({ lab }: { lab: LabModel }) {
  return (
    <Disclosure label="Export" class="export">
      {(close, open) => open && <ExportItems lab={lab} close={close} />}
    </Disclosure>
  );
}
