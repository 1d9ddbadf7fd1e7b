import { plainMessage } from '../state/explain';
import type { LabModel } from '../state/lab';
import { count } from '../state/status';

/** Shown where the figures would be when the engine cannot give any. */
export function EngineTrouble({ lab }: { lab: LabModel }) {
  const engine = lab.engine.value;
  if (engine.phase === 'dead') {
    return (
      <section class="trouble" role="alert">
        <h2>The engine has stopped</h2>
        <p>{plainMessage(engine.failure)}</p>
        <Restart lab={lab} />
      </section>
    );
  }
  if (!lab.silent.value) return null;
  return (
    <section class="trouble" role="alert">
      <h2>The engine does not answer</h2>
      <p>It may be at work on one very long step. Waiting loses nothing.</p>
      <Restart lab={lab} />
    </section>
  );
}

/** The ways on: where the training was a few seconds before, or at its beginning. */
function Restart({ lab }: { lab: LabModel }) {
  const kept = lab.resumable.value;
  const [checkpoint] = kept;
  return (
    <>
      <p>
        {checkpoint
          ? `The settings and the run up to step ${count(checkpoint.step)} are kept.`
          : 'The run under way is lost; the settings are not.'}
      </p>
      <div class="keys-row">
        {checkpoint && (
          <button type="button" class="key primary" onClick={() => lab.open(kept)}>
            Restart engine and go on from step {count(checkpoint.step)}
          </button>
        )}
        <button type="button" class={checkpoint ? 'key' : 'key primary'} onClick={() => lab.open()}>
          Restart engine
        </button>
      </div>
    </>
  );
}
