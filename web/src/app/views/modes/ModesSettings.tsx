import { ChoiceField } from '../../components/ChoiceField';
import { Folded } from '../../components/Folded';
import { NumberField } from '../../components/NumberField';
import type { LabModel } from '../../state/lab';
import { count, describeValue } from '../../state/status';
import { modesOf } from './modes-state';

export function ModesSettings({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const modes = modesOf(lab);
  const subject = modes.subject.value;
  const fromTrain = config.modesSource === 'train' && subject?.source === 'train';
  const now = lab.progress.value.step;
  const values = [
    describeValue('modesSource', config),
    `${config.modesBatch} images`,
    describeValue('modesOrder', config),
    `set ${config.modesSet}`,
  ];
  return (
    <Folded values={values.join(', ')}>
      <NumberField lab={lab} name="modesBatch" />
      <ChoiceField lab={lab} name="modesOrder" />
      <ChoiceField lab={lab} name="modesSource" />
      {config.modesSource === 'train' && (
        <div class="take">
          <button type="button" class="quiet" aria-disabled={now === 0} onClick={() => now > 0 && modes.take()}>
            Take the model as it is now
          </button>
          <p class="help">
            {now === 0
              ? 'Train has made no step: a ready-trained network stands in.'
              : `Train is at step ${count(now)}${fromTrain ? `, this copy at step ${count(subject.steps)}` : ''}.`}
          </p>
        </div>
      )}
      {!fromTrain && (
        <>
          <ChoiceField lab={lab} name="modesModel" />
          <ChoiceField lab={lab} name="modesNorm" />
          <NumberField lab={lab} name="modesSteps" />
        </>
      )}
      <ChoiceField lab={lab} name="modesBatches" />
    </Folded>
  );
}
