import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Outcome } from '../../../worker/pitfalls/pitfall';
import type { Failure } from '../../../worker/protocol';
import type { PitfallId } from '../../settings/pitfall';
import { Refusal } from '../../state/client';
import type { LabModel } from '../../state/lab';

/** The runs of the scenario that is open: as it is, and with its fix. */
export interface Runs {
  id: PitfallId | null;
  before: Outcome | null;
  after: Outcome | null;
  /** Of the run under way, 0 to 1; null where there is none. */
  share: number | null;
  failure: Failure | null;
}

const nothing: Runs = { id: null, before: null, after: null, share: null, failure: null };

/** Runs the scenario, and again with its fix once that is applied. A run that nobody looks at any more is given up. */
export function useRuns(lab: LabModel, id: PitfallId, fixed: boolean): Runs {
  const runs = useSignal(nothing);
  const opened = lab.opened.value;
  useEffect(() => {
    let over = false;
    let giveUp = () => {};
    const put = (part: Partial<Runs>) => {
      if (!over) runs.value = { ...runs.peek(), ...part };
    };
    const run = (withFix: boolean): Promise<Outcome | null> => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => put({ share: data });
      giveUp = () => port1.postMessage('stop');
      put({ share: 0 });
      return lab.ask('pitfall', 'run', id, withFix, port2).finally(() => port1.close());
    };
    async function make() {
      if (runs.peek().id !== id) put({ ...nothing, id });
      put({ after: null, failure: null });
      try {
        // What has been computed for this scenario stands: it would come out the same.
        if (!runs.peek().before) put({ before: await run(false) });
        if (fixed && !over) put({ after: await run(true) });
        put({ share: null });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        put({ share: null, failure: error.failure });
      }
    }
    make();
    return () => {
      over = true;
      giveUp();
    };
  }, [opened, id, fixed]);
  return runs.value.id === id ? runs.value : nothing;
}
