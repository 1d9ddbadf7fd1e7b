import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LabModel } from '../state/lab';
import { openFiles } from '../state/late-files';
import { lazy } from './lazy';

const DropHint = lazy(() => import('./DropHint'), { quiet: true });

/** Files can be dropped anywhere on the page; what a tab takes for itself, it prevents from coming here. */
export function DropTarget({ lab }: { lab: LabModel }) {
  const over = useSignal(false);
  useEffect(() => {
    let inside = 0;
    const show = (by: number) => {
      inside = Math.max(0, inside + by);
      over.value = inside > 0;
    };
    const enter = (event: DragEvent) => carriesFiles(event) && show(1);
    const leave = (event: DragEvent) => carriesFiles(event) && show(-1);
    const hover = (event: DragEvent) => carriesFiles(event) && event.preventDefault();
    const drop = (event: DragEvent) => {
      show(-inside);
      if (event.defaultPrevented || !carriesFiles(event)) return;
      event.preventDefault();
      openFiles(lab, [...(event.dataTransfer?.files ?? [])]);
    };
    const listeners = Object.entries({ dragenter: enter, dragleave: leave, dragover: hover, drop });
    for (const [type, listener] of listeners) addEventListener(type, listener as EventListener);
    return () => {
      for (const [type, listener] of listeners) removeEventListener(type, listener as EventListener);
    };
  }, [lab, over]);
  return over.value ? <DropHint /> : null;
}

function carriesFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') ?? false;
}
