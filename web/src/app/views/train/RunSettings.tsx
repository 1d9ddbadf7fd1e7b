import { ChoiceField } from '../../components/ChoiceField';
import { Folded } from '../../components/Folded';
import { NumberField } from '../../components/NumberField';
import { settings } from '../../settings';
import { isAboutBatchSize, plainMessage } from '../../state/explain';
import { advice, type LabModel } from '../../state/lab';
import { describeValue } from '../../state/status';

export function RunSettings({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const values = `${describeValue('model', config)}, batch ${config.batch}, rate ${config.lr}, seed ${config.seed}`;
  return (
    <Folded values={values}>
      <ChoiceField lab={lab} name="model" />
      {config.norm !== 'none' && <ChoiceField lab={lab} name="placement" />}
      <NumberField lab={lab} name="batch" error={batchError(lab)} />
      <NumberField lab={lab} name="lr" />
      <NumberField lab={lab} name="seed">
        <button type="button" class="quiet" onClick={() => lab.set('seed', randomSeed())}>
          New seed
        </button>
      </NumberField>
      <details class="more">
        <summary>More</summary>
        <NumberField lab={lab} name="momentum" />
        <NumberField lab={lab} name="decay" />
      </details>
    </Folded>
  );
}

/** PyTorch's complaint about the batch size, from training or from the evaluation in train mode. */
function batchError(lab: LabModel): string | undefined {
  const evaluated = lab.evaluation.value?.train;
  const failures = [lab.progress.value.failure, evaluated && 'failure' in evaluated ? evaluated.failure : undefined];
  const failure = failures.find((candidate) => candidate && isAboutBatchSize(candidate));
  return failure && `${plainMessage(failure)}. ${advice(lab, failure)}`;
}

function randomSeed(): number {
  return Math.floor(Math.random() * (settings.seed.max + 1));
}
