import { plainMessage } from '../state/explain';
import type { LabModel } from '../state/lab';

/** Shown where the figures would be when the engine cannot give any. */
export function EngineTrouble({ lab }: { lab: LabModel }) {
  const engine = lab.engine.value;
  if (engine.phase === 'unsupported') {
    return (
      <section class="trouble" role="alert">
        <h2>No worker, no training</h2>
        <p>
          Normlab computes in a Web Worker, and this browser, or the page that embeds this one, does not allow it to
          start one{engine.failure.message ? `: ${engine.failure.message}` : '.'}
        </p>
      </section>
    );
  }
  if (engine.phase === 'dead') {
    return (
      <section class="trouble" role="alert">
        <h2>The engine has stopped</h2>
        <p>{plainMessage(engine.failure)}</p>
        <p>The run under way is lost; the settings are not.</p>
        <button type="button" class="key primary" onClick={() => lab.open()}>
          Restart engine
        </button>
      </section>
    );
  }
  if (!lab.silent.value) return null;
  return (
    <section class="trouble" role="alert">
      <h2>The engine does not answer</h2>
      <p>It may be at work on one very long step. Waiting loses nothing; restarting loses the run under way.</p>
      <button type="button" class="key" onClick={() => lab.open()}>
        Restart engine
      </button>
    </section>
  );
}
