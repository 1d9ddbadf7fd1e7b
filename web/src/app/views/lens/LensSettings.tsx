import { Folded } from '../../components/Folded';
import type { LabModel } from '../../state/lab';
import { describeValue } from '../../state/status';
import { plain } from './figures';
import { LensFields } from './LensFields';
import { shapeOf } from './lens';

/** What goes into the layer, and its parameters. */
export function LensSettings({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const values = `${describeValue('lensSource', config)}, ${shapeOf(config).join(' × ')}, ε ${plain(config.lensEps)}, γ ${config.lensGamma}, β ${config.lensBeta}`;
  return (
    <Folded values={values}>
      <LensFields lab={lab} />
    </Folded>
  );
}
