import { useEffect } from 'preact/hooks';
import type { LensAnswer } from '../../../worker/services/lens';
import { ChoiceField } from '../../components/ChoiceField';
import { Key } from '../../components/Key';
import { NumberField } from '../../components/NumberField';
import { MOST_BATCHES } from '../../settings/lens';
import type { LabModel } from '../../state/lab';
import { lensOf } from './lens';
import { ModeHistogram } from './ModeHistogram';
import { MomentumField } from './MomentumField';
import { RunningPlots } from './RunningPlots';

/** Batches going through the layer, and what BatchNorm keeps of them. */
export function StreamPanel({ lab, answer }: { lab: LabModel; answer: LensAnswer }) {
  const { streaming, next, startOver } = lensOf(lab);
  useEffect(
    () => () => {
      streaming.value = false;
    },
    [streaming],
  );
  const { lensAt, lensNorm } = lab.config.value;
  const full = lensAt >= MOST_BATCHES;
  const keeps = lensNorm === 'batch';
  return (
    <section class="layers stream" aria-labelledby="stream-title">
      <header>
        <h2 id="stream-title">Batches streaming through</h2>
        <p>
          Each batch is a new draw. In train mode BatchNorm normalizes it with its own mean and variance, and moves the
          running ones towards them; eval mode uses the running ones alone.
        </p>
      </header>
      <div class="keys">
        <Key
          label={streaming.value ? 'Stop' : 'Stream'}
          enabled={streaming.value || !full}
          primary
          onPress={() => {
            streaming.value = !streaming.value;
          }}
        >
          <path d={streaming.value ? 'M2.5 2.5h9v9h-9z' : 'M1.5 1.5v11l5.5-5.5zM7 1.5v11l5.5-5.5z'} />
        </Key>
        <Key label="Next batch" enabled={!full} onPress={next}>
          <path d="M1.5 1.5v11l7-5.5zM9.5 1.5h2.5v11H9.5z" />
        </Key>
        <Key label="Start over" enabled={lensAt > 0} onPress={startOver}>
          <path d="M7 1a6 6 0 1 0 6 6h-2a4 4 0 1 1-4-4v2.6L11 2.8 7 0z" />
        </Key>
      </div>
      <div class="fields">
        <NumberField lab={lab} name="lensAt" />
        <NumberField lab={lab} name="lensDrift" />
        {keeps && <MomentumField lab={lab} />}
        {keeps && <ChoiceField lab={lab} name="lensRunningVar" />}
      </div>
      {keeps ? (
        <RunningPlots lab={lab} answer={answer} />
      ) : (
        <p class="why">
          Only BatchNorm keeps running statistics. This layer takes its statistics from the image itself in either mode,
          so the batches before make no difference.
        </p>
      )}
      <ModeHistogram answer={answer} />
    </section>
  );
}
