import '../../../styles/tables.css';
import '../../../styles/lens-more.css';
import type { LensAnswer } from '../../../worker/services/lens';
import type { LabModel } from '../../state/lab';
import { BackwardPanel } from './BackwardPanel';
import { ChannelTable } from './ChannelTable';
import { Histograms } from './Histograms';
import type { shownOf } from './lens';
import { StreamPanel } from './StreamPanel';
import { VariancePanel } from './VariancePanel';

interface Props {
  lab: LabModel;
  answer: LensAnswer | null;
  /** What the layer made of it; null where it refused. */
  shown: ReturnType<typeof shownOf>;
}

/** What the Lens shows beneath the cells and the formula of one of them. */
export function LensMore({ lab, answer, shown }: Props) {
  return (
    <>
      {answer && shown && <Histograms lab={lab} answer={answer} shown={shown} />}
      {answer && <ChannelTable lab={lab} answer={answer} />}
      {answer && <StreamPanel lab={lab} answer={answer} />}
      {answer && shown && answer.back && <BackwardPanel lab={lab} answer={answer} shown={shown} back={answer.back} />}
      <VariancePanel lab={lab} />
    </>
  );
}
