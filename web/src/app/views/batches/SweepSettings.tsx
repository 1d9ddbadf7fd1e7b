import { ChoiceField } from '../../components/ChoiceField';
import { Folded } from '../../components/Folded';
import { ListField } from '../../components/ListField';
import { NumberField } from '../../components/NumberField';
import type { LabModel } from '../../state/lab';
import { describeValue } from '../../state/status';

export function SweepSettings({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const { sweepImages, sweepEpochs, sweepSeeds } = config;
  const values = [
    describeValue('sweepModel', config),
    describeValue('sweepNorms', config),
    `batches of ${describeValue('sweepBatches', config)}`,
    `seeds: ${sweepSeeds}, images: ${sweepImages}, epochs: ${sweepEpochs}`,
  ];
  return (
    <Folded values={values.join('; ')}>
      <ChoiceField lab={lab} name="sweepModel" />
      <ListField lab={lab} name="sweepNorms" />
      <ListField lab={lab} name="sweepBatches" />
      <ChoiceField lab={lab} name="sweepSeeds" />
      <NumberField lab={lab} name="sweepImages" />
      <NumberField lab={lab} name="sweepEpochs" />
    </Folded>
  );
}
