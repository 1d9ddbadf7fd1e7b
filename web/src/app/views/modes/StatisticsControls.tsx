import '../../../styles/progress.css';
import { presetHeads as presets } from 'normlab/core';
import type { Subject } from '../../../worker/modes-plan';
import { Key } from '../../components/Key';
import type { LabModel } from '../../state/lab';
import { count, engineSentence } from '../../state/status';
import { describeOrigin, normLabel } from './modes-explain';
import { modesOf } from './modes-state';

/** The running statistics, lost and found. */
export function StatisticsControls({ lab }: { lab: LabModel }) {
  const modes = modesOf(lab);
  const subject = modes.subject.value;
  const training = modes.training.value;
  const usable = subject?.keepsStatistics === true && !training && lab.engine.value.phase === 'ready';
  const stale = usable && subject.origin.kind !== 'batches';
  return (
    <section class="transport" aria-label="Running statistics" data-phase={training ? 'running' : 'idle'}>
      <div class="transport-row">
        <div class="keys">
          <Key label="Recalibrate" enabled={usable} primary={stale} onPress={() => modes.recalibrate()}>
            <path d="M7 1a6 6 0 1 0 6 6h-2.2A3.8 3.8 0 1 1 7 3.2V6l4.5-3.9L7-1.8z" transform="translate(0 .6)" />
          </Key>
          <Key label="Reset statistics" enabled={usable} onPress={() => modes.reset()}>
            <path d="M2.6 1 1 2.6 5.4 7 1 11.4 2.6 13 7 8.6l4.4 4.4 1.6-1.6L8.6 7 13 2.6 11.4 1 7 5.4z" />
          </Key>
          <Key label="Undo statistics" enabled={usable && subject.former !== null} onPress={() => modes.undo()}>
            <path d="M6 1 1 5.5 6 10V7.2c3 0 5 .9 6.2 4.3C12.4 6.600 10 3.900 6 3.800z" />
          </Key>
        </div>
        {training && (
          <div class="meter">
            <progress aria-label="Steps of the training" max={training.wanted} value={training.steps} />
            <span aria-hidden="true">{count(training.steps)}</span>
          </div>
        )}
      </div>
      <p class="status" role="status">
        {engineSentence(lab.engine.value, '')?.sentence ??
          (training ? `Training a network, ${count(training.wanted)} steps…` : subject ? sentence(subject) : '')}
      </p>
    </section>
  );
}

function sentence(subject: Subject): string {
  const { source, model, steps, keepsStatistics, origin } = subject;
  const whence = source === 'train' ? 'From Train' : 'Ready-trained';
  const what = `${whence}: ${presets[model]?.title ?? model} with ${normLabel(subject)}, after ${count(steps)} ${steps === 1 ? 'step' : 'steps'}.`;
  if (!keepsStatistics) return `${what} It keeps no running statistics.`;
  return `${what} Running statistics: ${describeOrigin(origin, subject)}.`;
}
