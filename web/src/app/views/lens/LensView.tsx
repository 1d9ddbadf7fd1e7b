import '../../../styles/lens.css';
import { EngineTrouble } from '../../components/EngineTrouble';
import { plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { useLive } from '../../state/live';
import { BackwardPanel } from './BackwardPanel';
import { CellFormula } from './CellFormula';
import { ChannelTable } from './ChannelTable';
import { remedyOf } from './explain-lens';
import { Histograms } from './Histograms';
import { LensNorms } from './LensNorms';
import { LensSettings } from './LensSettings';
import { lensOf, questionOf, shownOf } from './lens';
import { StreamPanel } from './StreamPanel';
import { TensorPanel } from './TensorPanel';
import { VariancePanel } from './VariancePanel';

export default function LensView({ lab }: { lab: LabModel }) {
  const question = questionOf(lab.config.value, lensOf(lab).chosen.value);
  const { value: answer, failure } = useLive(lab, () => lab.ask('lens', 'look', question), [JSON.stringify(question)]);
  const shown = answer && shownOf(answer);
  return (
    <div class="bench lens" data-norm={question.layer.norm}>
      <div class="side">
        <LensNorms lab={lab} failure={failure} />
        <LensSettings lab={lab} />
      </div>
      <div class="stage" aria-busy={!answer && !failure}>
        <EngineTrouble lab={lab} />
        {failure && (
          <p class="refusal" role="alert">
            {plainMessage(failure)}. {remedyOf(failure, question)}
          </p>
        )}
        {answer && <TensorPanel lab={lab} answer={answer} />}
        {answer && shown && <CellFormula lab={lab} answer={answer} shown={shown} />}
        {answer && shown && <Histograms lab={lab} answer={answer} shown={shown} />}
        {answer && <ChannelTable lab={lab} answer={answer} />}
        {answer && <StreamPanel lab={lab} answer={answer} />}
        {answer && shown && answer.back && <BackwardPanel lab={lab} answer={answer} shown={shown} back={answer.back} />}
        <VariancePanel lab={lab} />
      </div>
    </div>
  );
}
