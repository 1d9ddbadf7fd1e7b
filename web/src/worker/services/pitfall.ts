import type { PitfallId } from '../../app/settings/pitfall';
import { Bench } from '../pitfalls/bench';
import type { Outcome } from '../pitfalls/pitfall';
import { pitfalls } from '../pitfalls/table';
import type { Context } from '.';

/** Nobody waits for the outcome any more. */
class Abandoned extends Error {}

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

/** Resolves after the messages that are waiting now. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });
}

export default ({ engine, data }: Context) => ({
  /** Runs a pitfall. The port is told the share that is done; any message from it gives the run up, whose outcome is null. */
  async run(id: PitfallId, fixed: boolean, port: MessagePort): Promise<Outcome | null> {
    let wanted = true;
    port.onmessage = () => {
      wanted = false;
    };
    const bench = new Bench({
      nl: engine,
      images: () => data,
      async giveWay() {
        await nextTask();
        if (!wanted) throw new Abandoned();
      },
      onShare: (share) => port.postMessage(share),
    });
    try {
      return await pitfalls[id](bench, fixed);
    } catch (error) {
      if (error instanceof Abandoned) return null;
      throw error;
    } finally {
      bench.dispose();
      port.close();
    }
  },
});
