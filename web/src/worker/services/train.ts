import { addProbing } from 'normlab/probing';
import { Probe } from '../probe';
import type { Look } from '../protocol';
import type { Context } from '.';

export default (context: Context) => {
  addProbing(context.engine);
  let probe: Probe | null = null;
  const leave = () => {
    probe?.dispose();
    probe = null;
  };
  return {
    /** The layers of a run as they are now; null where there is no such run. */
    look(id: number): Look | null {
      const run = context.runs.find((one) => one.id === id);
      if (probe?.run !== run) leave();
      if (!run) return null;
      probe ??= new Probe(context.engine, run);
      return probe.look();
    },

    /** Frees what looking has taken. */
    leave,
  };
};
