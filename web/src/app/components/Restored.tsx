import { restored, startFresh } from '../state/keep';
import type { LabModel } from '../state/lab';

/** Shown where the page begins with the settings of the last visit. */
export function Restored({ lab }: { lab: LabModel }) {
  if (!restored.value) return null;
  const dismiss = () => {
    restored.value = false;
  };
  return (
    <section class="notice" aria-label="Last visit">
      <p>Your settings are as you left them.</p>
      <div class="keys-row">
        <button type="button" class="quiet" onClick={() => startFresh(lab)}>
          Start fresh
        </button>
        <button type="button" class="quiet" onClick={dismiss}>
          Keep them
        </button>
      </div>
    </section>
  );
}
