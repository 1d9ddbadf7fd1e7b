import type { BatchComparison, Subject } from '../../../worker/modes-plan';
import type { Score } from '../../../worker/protocol';
import { explainModes, modeSources, plainMessage, remedy } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { count } from '../../state/status';
import { Difference, Gauge, percent, Reading } from './Accuracies';
import type { Scores } from './ModesView';
import { explainBatch, explainBegin } from './modes-explain';

interface Props {
  lab: LabModel;
  subject: Subject;
  compared: BatchComparison;
  scores: Scores | null;
}

/** Accuracy in either mode, on all test images and on the batch; and why they differ. */
export function ModesReadout({ lab, subject, compared, scores }: Props) {
  const config = lab.config.value;
  const engine = lab.engine.value;
  const [testImages, names] = engine.phase === 'ready' ? [engine.testImages, engine.classNames] : [0, []];
  const asTrained = { ...config, norm: subject.norm, groups: subject.groups, batch: scores?.size ?? config.modesBatch };
  const sources = modeSources(asTrained);
  const sorted = scores?.order === 'sorted' ? ', one class after the other' : '';
  const { train } = compared;
  const [evalScore, trainScore] = [scoreOf(scores?.eval), scoreOf(scores?.train)];
  const refusal = 'failure' in train ? train.failure : null;
  return (
    <section class="readout" aria-labelledby="modes-readout-title">
      <header>
        <h2 id="modes-readout-title">Test accuracy of the same weights in either mode</h2>
        <p>{`on all ${count(testImages)} test images, in batches of ${asTrained.batch}${sorted}`}</p>
      </header>
      <div class="readings">
        <Reading mode="eval" score={evalScore} source={sources.eval}>
          <Right predictions={compared.eval} labels={compared.labels} />
          {scores?.former && <p class="source">was {percent(scores.former)} % before the last change</p>}
        </Reading>
        <Reading mode="train" score={trainScore} source={sources.train}>
          {'failure' in train ? (
            <p class="refusal">{plainMessage(train.failure)}</p>
          ) : (
            <Right predictions={train} labels={compared.labels} />
          )}
        </Reading>
        <Difference evalScore={evalScore} trainScore={trainScore} />
      </div>
      <Gauge evalScore={evalScore} trainScore={trainScore} former={scores?.former ?? null} />
      <div class="why">
        <p>{refusal ? remedy(refusal, compared.indices.length, 0) : explainBegin(subject, compared)}</p>
        <p>
          {refusal
            ? 'Eval mode takes nothing from the batch: it answers for one image as for many.'
            : subject.norm === 'batch'
              ? explainBatch(subject, compared, config.modesOrder === 'sorted', names)
              : explainModes(asTrained, subject.steps)}
        </p>
      </div>
    </section>
  );
}

function Right({ predictions, labels }: { predictions: { label: number }[]; labels: number[] }) {
  const right = predictions.filter(({ label }, i) => label === labels[i]).length;
  return (
    <p class="source">
      this batch: {right} of {labels.length} right
    </p>
  );
}

function scoreOf(result: Scores['eval'] | undefined): Score | null {
  return result && !('failure' in result) ? result : null;
}
