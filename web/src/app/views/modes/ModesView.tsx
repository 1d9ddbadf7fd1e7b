import '../../../styles/tables.css';
import '../../../styles/modes.css';
import { useEffect } from 'preact/hooks';
import type { Subject } from '../../../worker/modes-plan';
import { EngineTrouble } from '../../components/EngineTrouble';
import { settings } from '../../settings';
import { plainMessage, remedy } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { useLive } from '../../state/live';
import type { Transport } from '../../views';
import { BatchImages } from './BatchImages';
import { BatchMates } from './BatchMates';
import { Examples } from './Examples';
import { LayerGaps } from './LayerGaps';
import { ModesReadout } from './ModesReadout';
import { ModesSettings } from './ModesSettings';
import { modesOf } from './modes-state';
import { OwnImage } from './OwnImage';
import { StatisticsControls } from './StatisticsControls';

export default function ModesView({ lab }: { lab: LabModel }) {
  const { subject, failure, taken, prepare } = modesOf(lab);
  const { modesSource, modesModel, modesNorm, modesSteps } = lab.config.value;
  const wish = [lab.opened.value, taken.value, modesSource, modesModel, modesNorm, modesSteps];
  useEffect(() => {
    prepare();
  }, wish);
  const looked = subject.value;
  return (
    <div class="bench" data-norm={looked?.norm ?? modesNorm}>
      <div class="side">
        <ModesSettings lab={lab} />
      </div>
      <div class="stage">
        <StatisticsControls lab={lab} />
        <EngineTrouble lab={lab} />
        {failure.value && lab.engine.value.phase === 'ready' && (
          <section class="trouble" role="alert">
            <h2>This network cannot be had</h2>
            <p>
              {plainMessage(failure.value)}. {remedy(failure.value, 0, 0)}
            </p>
          </section>
        )}
        {looked && !failure.value && <Compared lab={lab} subject={looked} />}
      </div>
      <Examples lab={lab} />
    </div>
  );
}

function Compared({ lab, subject }: { lab: LabModel; subject: Subject }) {
  const { modesBatch: size, modesOrder: order, modesSet: set } = lab.config.value;
  const { revision } = subject;
  const plan = { size, order, set };
  const compared = useLive(lab, () => lab.ask('modes', 'compare', plan), [revision, size, order, set]);
  const scores = useLive(lab, () => measure(lab, size, order), [revision, size, order]);
  if (!compared.value) {
    return compared.failure && <p class="refusal">{plainMessage(compared.failure)}.</p>;
  }
  return (
    <>
      <ModesReadout lab={lab} subject={subject} compared={compared.value} scores={scores.value} />
      <BatchMates lab={lab} subject={subject} compared={compared.value} />
      <LayerGaps lab={lab} subject={subject} compared={compared.value} />
      <BatchImages lab={lab} compared={compared.value} />
      <OwnImage lab={lab} subject={subject} />
    </>
  );
}

/** All test images, in portions. */
async function measure(lab: LabModel, size: number, order: 'random' | 'sorted') {
  for (;;) {
    const scores = await lab.ask('modes', 'evaluate', { size, order });
    if (scores) return { ...scores, size, order };
  }
}

export type Scores = Awaited<ReturnType<typeof measure>>;

/** Of the companions that are reshuffled. */
export function transport(lab: LabModel): Transport {
  const { reshuffling, reset } = modesOf(lab);
  return {
    play() {
      reshuffling.value = true;
    },
    pause() {
      reshuffling.value = false;
    },
    step() {
      reshuffling.value = false;
      lab.set('modesSet', Math.min(lab.config.peek().modesSet + 1, settings.modesSet.max));
    },
    reset,
  };
}
