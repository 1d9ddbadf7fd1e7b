import '../../../styles/lens.css';
import { EngineTrouble } from '../../components/EngineTrouble';
import { plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { useLive } from '../../state/live';
import type { Transport } from '../../views';
import { CellFormula } from './CellFormula';
import { remedyOf } from './explain-lens';
import { LensMore } from './LensMore';
import { LensNorms } from './LensNorms';
import { LensSettings } from './LensSettings';
import { lensOf, questionOf, shownOf } from './lens';
import { TensorPanel } from './TensorPanel';

export default function LensView({ lab }: { lab: LabModel }) {
  const question = questionOf(lab.config.value, lensOf(lab).chosen.value);
  const inputs = [JSON.stringify(question)];
  const { value: answer, failure, awaited } = useLive(lab, () => lab.ask('lens', 'look', question), inputs);
  const shown = answer && shownOf(answer);
  const { phase } = lab.engine.value;
  const works = phase === 'loading' || phase === 'ready';
  const waiting = works && awaited && (phase === 'loading' || !answer);
  return (
    <div class="bench lens" data-norm={question.layer.norm}>
      <div class="side">
        <LensNorms lab={lab} failure={failure} />
        <LensSettings lab={lab} />
      </div>
      <div class="stage" aria-busy={waiting}>
        <EngineTrouble lab={lab} />
        {failure && works && (
          <p class="refusal" role="alert">
            {plainMessage(failure)}. {remedyOf(failure, question)}
          </p>
        )}
        {waiting && <p class="note">{answer ? 'Waiting for the images…' : 'Starting the engine…'}</p>}
        {answer && <TensorPanel lab={lab} answer={answer} />}
        {answer && shown && <CellFormula lab={lab} answer={answer} shown={shown} />}
        <LensMore lab={lab} answer={answer} shown={shown} />
      </div>
    </div>
  );
}

/** Of the batches that stream through the layer. */
export function transport(lab: LabModel): Transport {
  const { streaming, next, startOver } = lensOf(lab);
  return {
    play() {
      streaming.value = true;
    },
    pause() {
      streaming.value = false;
    },
    step: next,
    reset: startOver,
  };
}
