import { armName } from '../../settings/arms';
import type { LabModel } from '../../state/lab';
import type { Arm } from '../../state/training';

/** Letter of an arm on the colour of its normalization. */
export function ArmBadge({ lab, arm }: { lab: LabModel; arm: Arm }) {
  const arms = lab.arms.value;
  return (
    <span class="arm-badge" data-norm={arm.config.value.norm}>
      {armName(arms.indexOf(arm))}
    </span>
  );
}

/** Which arm something is about, where there are several. */
export function OfArm({ lab }: { lab: LabModel }) {
  if (lab.arms.value.length === 1) return null;
  return (
    <span class="of-arm">
      arm <ArmBadge lab={lab} arm={lab.chosen.value} />
    </span>
  );
}
