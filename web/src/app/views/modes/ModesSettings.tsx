import { ChoiceField } from '../../components/ChoiceField';
import { Folded } from '../../components/Folded';
import { NumberField } from '../../components/NumberField';
import type { LabModel } from '../../state/lab';
import { count, describeValue } from '../../state/status';
import { modesOf } from './modes-state';

export function ModesSettings({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const subject = modesOf(lab).subject.value;
  const fromTrain = config.modesSource === 'train' && subject?.source === 'train';
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
      <NumberField lab={lab} name="modesSet" />
      <ChoiceField lab={lab} name="modesSource" />
      {config.modesSource === 'train' && <Take lab={lab} />}
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

/** The copy from Train is made when it is asked for, not while the training goes on. */
function Take({ lab }: { lab: LabModel }) {
  const modes = modesOf(lab);
  const subject = modes.subject.value;
  const now = lab.progress.value.step;
  const copied = subject?.source === 'train' ? `, this copy at step ${count(subject.steps)}` : '';
  return (
    <div class="take">
      <button type="button" class="quiet" aria-disabled={now === 0} onClick={() => now > 0 && modes.take()}>
        Take the model as it is now
      </button>
      <p class="help">
        {now === 0
          ? `Train has made no step${copied || ': a ready-trained network stands in'}.`
          : `Train is at step ${count(now)}${copied}.`}
      </p>
    </div>
  );
}
