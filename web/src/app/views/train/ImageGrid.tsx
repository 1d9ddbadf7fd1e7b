import { useComputed } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { NormName } from '../../../worker/protocol';
import { Guess, Picture } from '../../components/ImageCard';
import { settings } from '../../settings';
import { GRID_IMAGES } from '../../settings/train';
import { useReader } from '../../state/in-sight';
import type { ImagesResult, LabModel } from '../../state/lab';
import { OfArm } from './ArmBadge';

/** Test images with the label predicted in either mode; those on which the modes disagree are marked. */
export function ImageGrid({ lab }: { lab: LabModel }) {
  const box = useRef<HTMLElement>(null);
  const moving = useComputed(() => lab.chosen.value.progress.value.phase === 'running').value;
  const images = useReader(box, moving)(lab.chosen.value.images);
  const set = lab.config.value.images;
  const sets = Math.floor(((lab.data.value?.testImages ?? 2000) - 1) / GRID_IMAGES);
  const last = Math.min(settings.images.max, sets);
  return (
    <section ref={box} class="images" aria-labelledby="images-title">
      <header>
        <h2 id="images-title">Single images</h2>
        <OfArm lab={lab} />
        <p class="tally">{images ? tally(images) : 'No predictions yet.'}</p>
        <div class="pager">
          <button
            type="button"
            class="quiet"
            aria-disabled={set === 0}
            onClick={() => lab.set('images', Math.max(0, set - 1))}
          >
            Previous images
          </button>
          <button
            type="button"
            class="quiet"
            aria-disabled={set === last}
            onClick={() => lab.set('images', Math.min(last, set + 1))}
          >
            Next images
          </button>
        </div>
      </header>
      {images && <p class="note">{companions(images, lab.form.config.value.norm)}</p>}
      {images && <Cards lab={lab} images={images} first={set * GRID_IMAGES} />}
    </section>
  );
}

function tally({ eval: evalPredictions, train }: ImagesResult): string {
  if ('failure' in train) return 'Train mode refused';
  const differing = evalPredictions.filter(({ label }, i) => label !== train[i]?.label).length;
  return `${differing} of ${evalPredictions.length} differ`;
}

function companions({ batch, train }: ImagesResult, norm: NormName): string {
  if (norm !== 'batch') return 'Nothing here depends on the other images of a batch: both modes give the same labels.';
  if ('failure' in train) return 'Train mode gives no labels for batches of this size; eval mode does.';
  return batch === 1
    ? 'In train mode each image was a batch of its own.'
    : `In train mode these images were put through in batches of up to ${batch}: an image's label there can depend on its neighbours.`;
}

function Cards({ lab, images, first }: { lab: LabModel; images: ImagesResult; first: number }) {
  const names = lab.data.value?.classNames ?? [];
  const { pixels, height, width, labels, eval: evalPredictions, train } = images;
  return (
    <ul class="cards">
      {labels.map((label, i) => {
        const evalPrediction = evalPredictions[i];
        const trainPrediction = 'failure' in train ? undefined : train[i];
        const differs = trainPrediction !== undefined && trainPrediction.label !== evalPrediction?.label;
        const plane = pixels.subarray(i * height * width, (i + 1) * height * width);
        return (
          <li key={first + i} class={differs ? 'card differs' : 'card'}>
            <Picture label={`Test image ${first + i}`} pixels={plane} height={height} width={width} />
            <p class="truth">{names[label]}</p>
            {differs && <p class="mark">differs</p>}
            <Guess mode="eval" prediction={evalPrediction} label={label} names={names} />
            <Guess mode="train" prediction={trainPrediction} label={label} names={names} />
          </li>
        );
      })}
    </ul>
  );
}
