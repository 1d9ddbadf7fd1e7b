import type { ComponentChildren } from 'preact';
import type { BatchComparison, Subject } from '../../../worker/modes-plan';
import type { Mode, Score } from '../../../worker/protocol';
import { LineKey } from '../../components/LineKey';
import { explainModes, modeSources, plainMessage, remedy } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { count } from '../../state/status';
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

interface ReadingProps {
  mode: Mode;
  score: Score | null;
  source: string;
  children: ComponentChildren;
}

function Reading({ mode, score, source, children }: ReadingProps) {
  const title = mode === 'eval' ? 'Eval mode' : 'Train mode';
  return (
    <section class="reading" aria-label={`Accuracy, ${title.toLowerCase()}`}>
      <h3>
        <LineKey mode={mode} />
        {title}
      </h3>
      <p class="figure">
        {score ? (
          <>
            {percent(score)}
            <small> %</small>
          </>
        ) : (
          <span>–</span>
        )}
      </p>
      <p class="source">{source}</p>
      {children}
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

function Difference({ evalScore, trainScore }: { evalScore: Score | null; trainScore: Score | null }) {
  const points = evalScore && trainScore ? Number(percent(trainScore)) - Number(percent(evalScore)) : null;
  const sign = points && points < 0 ? '−' : '+';
  return (
    <section class="reading difference" aria-label="Difference of the accuracies">
      <h3>Difference</h3>
      <p class="figure">
        {points === null ? <span>–</span> : points === 0 ? '0.0' : `${sign}${Math.abs(points).toFixed(1)}`}
      </p>
      <p class="source">points, train minus eval</p>
    </section>
  );
}

interface GaugeProps {
  evalScore: Score | null;
  trainScore: Score | null;
  former: Score | null;
}

/** As in Train: eval above the line, train beneath it; hollow, what eval was before. */
function Gauge({ evalScore, trainScore, former }: GaugeProps) {
  return (
    <div class="gauge" aria-hidden="true">
      {former && <i class="needle was" data-mode="eval" style={{ '--at': former.accuracy }} />}
      {evalScore && <i class="needle" data-mode="eval" style={{ '--at': evalScore.accuracy }} />}
      {trainScore && <i class="needle" data-mode="train" style={{ '--at': trainScore.accuracy }} />}
      <div class="rule">
        {[0, 0.1, 0.25, 0.5, 0.75, 1].map((at) => (
          <span key={at} style={{ '--at': at }}>
            {at === 0.1 ? 'guess' : `${100 * at}`}
          </span>
        ))}
      </div>
    </div>
  );
}

function scoreOf(result: Scores['eval'] | undefined): Score | null {
  return result && !('failure' in result) ? result : null;
}

function percent({ accuracy }: Score): string {
  return (100 * accuracy).toFixed(1);
}
