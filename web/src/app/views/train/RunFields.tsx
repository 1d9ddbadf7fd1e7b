import { ChoiceField } from '../../components/ChoiceField';
import { NumberField } from '../../components/NumberField';
import { settings } from '../../settings';
import { isAboutBatchSize, plainMessage } from '../../state/explain';
import { advice, type LabModel } from '../../state/lab';

export function RunFields({ lab }: { lab: LabModel }) {
  const { form } = lab;
  const config = form.config.value;
  return (
    <>
      <ChoiceField lab={form} name="model" />
      {config.norm !== 'none' && <ChoiceField lab={form} name="placement" />}
      <NumberField lab={form} name="batch" error={batchError(lab)} />
      <NumberField lab={form} name="lr" />
      <NumberField lab={form} name="seed">
        <button type="button" class="quiet" onClick={() => lab.set('seed', randomSeed())}>
          New seed
        </button>
      </NumberField>
      <details class="more">
        <summary>More</summary>
        <ChoiceField lab={form} name="optimizer" />
        {config.optimizer === 'sgd' && <NumberField lab={form} name="momentum" />}
        <NumberField lab={form} name="decay" />
      </details>
    </>
  );
}

/** PyTorch's complaint about the batch size, from training or from the evaluation in train mode. */
function batchError(lab: LabModel): string | undefined {
  const { progress, evaluation } = lab.chosen.value;
  const evaluated = evaluation.value?.train;
  const failures = [progress.value.failure, evaluated && 'failure' in evaluated ? evaluated.failure : undefined];
  const failure = failures.find((candidate) => candidate && isAboutBatchSize(candidate));
  return failure && `${plainMessage(failure)}. ${advice(lab, failure)}`;
}

function randomSeed(): number {
  return Math.floor(Math.random() * (settings.seed.max + 1));
}
