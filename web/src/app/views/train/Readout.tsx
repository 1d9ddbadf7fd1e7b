import type { Failure, Mode, ModeResult, Score } from '../../../worker/protocol';
import { LineKey } from '../../components/LineKey';
import { explainModes, modeSources, plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { count } from '../../state/status';
import { Gauge } from './Gauge';
import { difference, percent, percentOf, scoreOf, signed } from './scores';

/** Test accuracy in either mode, beside each other and on one scale. */
export function Readout({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const arm = lab.chosen.value;
  const evaluation = arm.evaluation.value;
  const sources = modeSources(config);
  const images = count(lab.data.value?.testImages ?? 2000);
  const [evalScore, trainScore] = [scoreOf(evaluation?.eval), scoreOf(evaluation?.train)];
  return (
    <section class="readout" aria-labelledby="readout-title">
      <header>
        <h2 id="readout-title">Test accuracy</h2>
        <p>
          {evaluation
            ? `on ${images} images it was not trained on, after step ${count(evaluation.step)}`
            : `on ${images} images it was not trained on`}
        </p>
      </header>
      <div class="readings">
        <Reading mode="eval" title="Eval mode" source={sources.eval} result={evaluation?.eval} />
        <Reading mode="train" title="Train mode" source={sources.train} result={evaluation?.train} />
        <Difference evalScore={evalScore} trainScore={trainScore} />
      </div>
      <Gauge evalScore={evalScore} trainScore={trainScore} classes={lab.data.value?.classNames.length ?? 10} />
      <p class="why">{explainModes(config, evaluation?.step ?? arm.progress.value.step)}</p>
    </section>
  );
}

interface ReadingProps {
  mode: Mode;
  title: string;
  source: string;
  result: ModeResult<Score> | undefined;
}

function Reading({ mode, title, source, result }: ReadingProps) {
  const failure = result && 'failure' in result ? result.failure : null;
  const score = scoreOf(result);
  return (
    <section class="reading" data-mode={mode} aria-label={`Test accuracy, ${title.toLowerCase()}`}>
      <h3>
        <LineKey mode={mode} />
        {title}
      </h3>
      {failure ? (
        <Refusal failure={failure} />
      ) : (
        <p class="figure">{score ? percent(percentOf(score)) : <span>–</span>}</p>
      )}
      <p class="source">{source}</p>
    </section>
  );
}

function Refusal({ failure }: { failure: Failure }) {
  return <p class="refusal">{plainMessage(failure)}</p>;
}

function Difference({ evalScore, trainScore }: { evalScore: Score | null; trainScore: Score | null }) {
  const points = difference(evalScore, trainScore);
  return (
    <section class="reading difference" aria-label="Difference of the test accuracies">
      <h3>Difference</h3>
      <p class="figure">{points === null ? <span>–</span> : signed(points)}</p>
      <p class="source">{points === null ? 'points, train minus eval' : verdict(points)}</p>
    </section>
  );
}

function verdict(points: number): string {
  if (points === 0) return 'points: no difference';
  return points < 0 ? 'points: train mode is lower' : 'points: train mode is higher';
}
