import { ChoiceField } from '../../components/ChoiceField';
import { FlagField } from '../../components/FlagField';
import { NumberField } from '../../components/NumberField';
import { settings } from '../../settings';
import type { LabModel } from '../../state/lab';
import { ShapeFields } from './ShapeFields';

export function LensFields({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const drawn = config.lensSource === 'drawn';
  return (
    <>
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
    </>
  );
}

function randomSeed(): number {
  return Math.floor(Math.random() * (settings.lensSeed.max + 1));
}
