import { Folded } from '../../components/Folded';
import type { LabModel } from '../../state/lab';
import { describeValue } from '../../state/status';
import { RunFields } from './RunFields';

export function RunSettings({ lab }: { lab: LabModel }) {
  const config = lab.form.config.value;
  const values = `${describeValue('model', config)}, batch ${config.batch}, rate ${config.lr}, seed ${config.seed}`;
  return (
    <Folded values={values}>
      <RunFields lab={lab} />
    </Folded>
  );
}
