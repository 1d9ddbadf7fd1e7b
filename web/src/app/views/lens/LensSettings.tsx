import { ChoiceField } from '../../components/ChoiceField';
import { FlagField } from '../../components/FlagField';
import { Folded } from '../../components/Folded';
import { NumberField } from '../../components/NumberField';
import { settings } from '../../settings';
import type { LabModel } from '../../state/lab';
import { describeValue } from '../../state/status';
import { plain } from './figures';
import { shapeOf } from './lens';
import { ShapeFields } from './ShapeFields';

/** What goes into the layer, and its parameters. */
export function LensSettings({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const drawn = config.lensSource === 'drawn';
  const values = `${describeValue('lensSource', config)}, ${shapeOf(config).join(' × ')}, ε ${plain(config.lensEps)}, γ ${config.lensGamma}, β ${config.lensBeta}`;
  return (
    <Folded values={values}>
      <ChoiceField lab={lab} name="lensSource" />
      <ShapeFields lab={lab} />
      <NumberField lab={lab} name="lensMean" />
      <NumberField lab={lab} name="lensScale" />
      <NumberField lab={lab} name="lensOutlier" />
      {drawn && <NumberField lab={lab} name="lensAlike" />}
      {drawn && <NumberField lab={lab} name="lensSpread" />}
      <NumberField lab={lab} name="lensSeed">
        <button type="button" class="quiet" onClick={() => lab.set('lensSeed', randomSeed())}>
          New seed
        </button>
      </NumberField>
      <NumberField lab={lab} name="lensGamma" />
      {config.lensNorm !== 'rms' && <NumberField lab={lab} name="lensBeta" />}
      <FlagField lab={lab} name="lensRamp" />
      <NumberField lab={lab} name="lensEps" />
    </Folded>
  );
}

function randomSeed(): number {
  return Math.floor(Math.random() * (settings.lensSeed.max + 1));
}
