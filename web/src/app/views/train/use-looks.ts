import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Failure } from '../../../worker/protocol';
import { Refusal } from '../../state/client';
import type { LabModel } from '../../state/lab';

/** Least time between two looks. */
const LEAST_MS = 250;
/** Looking may take one part in so many of the training's time. */
const SHARE = 12;

/** Looks into the chosen arm again and again while `watching`; gives why the last look could not be made. */
export function useLooks(lab: LabModel, watching: boolean): Failure | null {
  const failure = useSignal<Failure | null>(null);
  const arm = lab.chosen.value;
  const opened = lab.opened.value;
  const ready = lab.engine.value.phase === 'ready' && arm.run.value !== null;
  useEffect(() => {
    failure.value = null;
    if (!watching || !ready) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const look = async () => {
      let took = 0;
      // While nothing is trained there is nothing new to see.
      if (arm.progress.peek().step !== arm.looks.looks.peek().at(-1)?.step) {
        try {
          const found = await lab.ask('train', 'look', arm.id);
          if (found && !over) arm.looks.push(found);
          took = found?.ms ?? 0;
          failure.value = null;
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          failure.value = error.failure;
        }
      }
      if (!over) timer = setTimeout(look, Math.max(LEAST_MS, SHARE * took));
    };
    look();
    return () => {
      over = true;
      clearTimeout(timer);
      lab.ask('train', 'leave').catch(() => {});
    };
  }, [lab, arm, opened, ready, watching]);
  return failure.value;
}
