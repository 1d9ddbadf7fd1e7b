import { Key } from '../../components/Key';
import { advice, type LabModel } from '../../state/lab';
import { count } from '../../state/status';
import { OfArm } from './ArmBadge';

export function RunControls({ lab }: { lab: LabModel }) {
  const { phase } = lab.progress.value;
  const phases = lab.arms.value.map(({ progress }) => progress.value.phase);
  const usable = lab.engine.value.phase === 'loading' || lab.engine.value.phase === 'ready';
  const running = phase === 'running';
  const ended = phases.every((one) => one === 'diverged');
  return (
    <section class="transport" aria-label="Training" data-phase={phase}>
      <div class="transport-row">
        <div class="keys">
          <Key label="Play" enabled={usable && !running && !ended} primary={!running} onPress={() => lab.play()}>
            <path d="M3 1.5v11l9-5.5z" />
          </Key>
          <Key label="Pause" enabled={usable && running} primary={running} onPress={() => lab.pause()}>
            <path d="M2.5 1.5h3v11h-3zM8.5 1.5h3v11h-3z" />
          </Key>
          <Key label="Step" enabled={usable && !ended} onPress={() => lab.step()}>
            <path d="M1.5 1.5v11l7-5.5zM9.5 1.5h2.5v11H9.5z" />
          </Key>
          <Key label="Reset" enabled={usable} onPress={() => lab.reset()}>
            <path d="M7 1a6 6 0 1 0 6 6h-2a4 4 0 1 1-4-4v2.6L11 2.8 7 0z" />
          </Key>
        </div>
        <div class="counted">
          <OfArm lab={lab} />
          <Counters lab={lab} />
        </div>
      </div>
      <p class="status" role="status">
        {lab.status.value}
      </p>
      <Remedy lab={lab} />
    </section>
  );
}

/** Steps and epochs of the chosen arm, and the speed of all. */
function Counters({ lab }: { lab: LabModel }) {
  const { step, epoch, imagesPerSecond } = lab.chosen.value.progress.value;
  const arms = lab.arms.value;
  const speed = arms.length === 1 ? imagesPerSecond : Math.max(...arms.map((arm) => arm.progress.value.allPerSecond));
  return (
    <dl class="counters">
      <div>
        <dt>step</dt>
        <dd>{count(step)}</dd>
      </div>
      <div>
        <dt>epoch</dt>
        <dd>{count(epoch)}</dd>
      </div>
      <div>
        <dt>images/s</dt>
        <dd>{speed > 0 ? count(speed) : '–'}</dd>
      </div>
    </dl>
  );
}

function Remedy({ lab }: { lab: LabModel }) {
  const text = advice(lab, lab.chosen.value.progress.value.failure);
  return text ? <p class="advice">{text}</p> : null;
}
