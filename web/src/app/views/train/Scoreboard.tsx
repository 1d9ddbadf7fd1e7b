import '../../../styles/scores.css';
import type { Mode, ModeResult, Score } from '../../../worker/protocol';
import { LineKey } from '../../components/LineKey';
import { armName } from '../../settings/arms';
import { armTitles } from '../../state/arm-titles';
import { explainModes, plainMessage } from '../../state/explain';
import { advice, type LabModel } from '../../state/lab';
import { count } from '../../state/status';
import type { Arm } from '../../state/training';
import { divergedWhere } from '../../state/training-status';
import { ArmBadge, OfArm } from './ArmBadge';
import { Gauge } from './Gauge';
import { difference, percent, percentOf, scoreOf, signed } from './scores';

/** Test accuracy of each arm in either mode, beneath each other. */
export default function Scoreboard({ lab }: { lab: LabModel }) {
  const titles = armTitles(lab.config.value);
  const images = count(lab.data.value?.testImages ?? 2000);
  const { evaluation, progress } = lab.chosen.value;
  return (
    <section class="readout" aria-labelledby="readout-title">
      <header>
        <h2 id="readout-title">Test accuracy</h2>
        <p>on {images} images that no arm was trained on; all have seen as many training images, or are about to</p>
      </header>
      <ul class="scores">
        {lab.arms.value.map((arm, i) => (
          <ArmScore key={arm.id} lab={lab} arm={arm} index={i} title={titles[i] ?? ''} />
        ))}
      </ul>
      <p class="why">
        <OfArm lab={lab} /> {explainModes(lab.form.config.value, evaluation.value?.step ?? progress.value.step)}
      </p>
    </section>
  );
}

interface ArmScoreProps {
  lab: LabModel;
  arm: Arm;
  index: number;
  title: string;
}

function ArmScore({ lab, arm, index, title }: ArmScoreProps) {
  const evaluation = arm.evaluation.value;
  const { step, imagesPerSecond } = arm.progress.value;
  const [evalScore, trainScore] = [scoreOf(evaluation?.eval), scoreOf(evaluation?.train)];
  const points = difference(evalScore, trainScore);
  const trouble = troubleOf(lab, arm);
  return (
    <li class="score" data-norm={arm.config.value.norm}>
      <h3>
        <ArmBadge lab={lab} arm={arm} /> {title}
      </h3>
      <p class="score-pace">
        step {count(step)}, {imagesPerSecond > 0 ? `${count(imagesPerSecond)} images/s` : '–'}
      </p>
      <ModeScore mode="eval" index={index} result={evaluation?.eval} />
      <ModeScore mode="train" index={index} result={evaluation?.train} />
      <p class="score-difference">
        {points === null ? '–' : signed(points)} <small>points, train − eval</small>
      </p>
      <Gauge evalScore={evalScore} trainScore={trainScore} classes={lab.data.value?.classNames.length ?? 10} />
      {trouble && <p class="refusal">{trouble}</p>}
    </li>
  );
}

function ModeScore({ mode, index, result }: { mode: Mode; index: number; result: ModeResult<Score> | undefined }) {
  const arm = index === 0 ? '' : `, arm ${armName(index)}`;
  const score = scoreOf(result);
  return (
    <section class="mode-score" data-mode={mode} aria-label={`Test accuracy, ${mode} mode${arm}`}>
      <span class="mode-name">
        <LineKey mode={mode} /> {mode} mode
      </span>
      {result && 'failure' in result ? (
        <span class="refusal">{plainMessage(result.failure)}</span>
      ) : (
        <span class="figure">{score ? percent(percentOf(score)) : '–'}</span>
      )}
    </section>
  );
}

/** Why the arm has stopped, and what can be done. */
function troubleOf(lab: LabModel, arm: Arm): string {
  const progress = arm.progress.value;
  const { phase, failure } = progress;
  if (!failure) return '';
  const what = phase === 'diverged' ? `Diverged: ${divergedWhere(progress)}` : plainMessage(failure);
  return `${what}. ${advice(lab, failure, arm)}`;
}
