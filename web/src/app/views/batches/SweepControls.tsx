import '../../../styles/progress.css';
import { Key } from '../../components/Key';
import type { LabModel } from '../../state/lab';
import { sweepOf } from './sweep';

export function SweepControls({ lab }: { lab: LabModel }) {
  const { phase } = sweepOf(lab).activity.value;
  const usable = lab.engine.value.phase === 'loading' || lab.engine.value.phase === 'ready';
  const running = phase === 'running';
  const done = sweepOf(lab).results.value.length;
  const resumable = done > 0 && done < sweepOf(lab).planned.value.length;
  return (
    <section class="transport" aria-label="Sweep" data-phase={phase}>
      <div class="transport-row">
        <div class="keys">
          <Key
            label="Run"
            enabled={usable && !running}
            primary={!running && !resumable}
            onPress={() => sweepOf(lab).run()}
          >
            <path d="M3 1.5v11l9-5.5z" />
          </Key>
          <Key label="Cancel" enabled={usable && running} primary={running} onPress={() => sweepOf(lab).cancel()}>
            <path d="M2 2h10v10H2z" />
          </Key>
          <Key
            label="Resume"
            enabled={usable && !running && resumable}
            primary={!running && resumable}
            onPress={() => sweepOf(lab).resume()}
          >
            <path d="M1.5 1.5h2.5v11H1.5zM5.5 1.5v11l7-5.5z" />
          </Key>
        </div>
        <Meter lab={lab} />
      </div>
      <p class="status" role="status">
        {sweepOf(lab).status.value}
      </p>
    </section>
  );
}

function Meter({ lab }: { lab: LabModel }) {
  const { phase, share } = sweepOf(lab).activity.value;
  // Between sweeps it shows how much of the plan is there; the running one counts in steps, which are finer.
  const value = phase === 'running' ? share : sweepOf(lab).results.value.length / sweepOf(lab).planned.value.length;
  const text = `${Math.floor(100 * value)} %`;
  return (
    <div class="meter">
      <progress aria-label="Progress of the sweep" max={1} value={value} aria-valuetext={text} />
      <span aria-hidden="true">{text}</span>
    </div>
  );
}
