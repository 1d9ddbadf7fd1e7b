import type { LabModel } from '../state/lab';
import { Key } from './Key';

export function SweepControls({ lab }: { lab: LabModel }) {
  const { phase } = lab.sweep.activity.value;
  const usable = lab.engine.value.phase === 'loading' || lab.engine.value.phase === 'ready';
  const running = phase === 'running';
  const done = lab.sweep.results.value.length;
  const resumable = done > 0 && done < lab.sweep.planned.value.length;
  return (
    <section class="transport" aria-label="Sweep" data-phase={phase}>
      <div class="transport-row">
        <div class="keys">
          <Key
            label="Run"
            enabled={usable && !running}
            primary={!running && !resumable}
            onPress={() => lab.sweep.run()}
          >
            <path d="M3 1.5v11l9-5.5z" />
          </Key>
          <Key label="Cancel" enabled={usable && running} primary={running} onPress={() => lab.sweep.cancel()}>
            <path d="M2 2h10v10H2z" />
          </Key>
          <Key
            label="Resume"
            enabled={usable && !running && resumable}
            primary={!running && resumable}
            onPress={() => lab.sweep.resume()}
          >
            <path d="M1.5 1.5h2.5v11H1.5zM5.5 1.5v11l7-5.5z" />
          </Key>
        </div>
        <Meter lab={lab} />
      </div>
      <p class="status" role="status">
        {lab.sweep.status.value}
      </p>
    </section>
  );
}

function Meter({ lab }: { lab: LabModel }) {
  const { phase, share } = lab.sweep.activity.value;
  // Between sweeps it shows how much of the plan is there; the running one counts in steps, which are finer.
  const value = phase === 'running' ? share : lab.sweep.results.value.length / lab.sweep.planned.value.length;
  const text = `${Math.floor(100 * value)} %`;
  return (
    <div class="meter">
      <progress aria-label="Progress of the sweep" max={1} value={value} aria-valuetext={text} />
      <span aria-hidden="true">{text}</span>
    </div>
  );
}
