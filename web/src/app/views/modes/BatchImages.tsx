import { useSignal } from '@preact/signals';
import type { BatchComparison } from '../../../worker/modes-plan';
import { Guess, Picture } from '../../components/ImageCard';
import { settings } from '../../settings';
import type { LabModel } from '../../state/lab';
import { modesOf } from './modes-state';

/** As many are shown at first. */
const SOME = 24;

/** The batch, image by image, with the label in either mode; the one that is chosen is held fixed among new companions. */
export function BatchImages({ lab, compared }: { lab: LabModel; compared: BatchComparison }) {
  const all = useSignal(false);
  const { modesSet: set } = lab.config.value;
  const last = settings.modesSet.max;
  const { indices, train } = compared;
  const changed = 'failure' in train ? null : compared.eval.filter(({ label }, i) => label !== train[i]?.label).length;
  return (
    <section class="images" aria-labelledby="batch-title">
      <header>
        <h2 id="batch-title">The batch, image by image</h2>
        <p class="tally">
          {changed === null ? 'Train mode refused' : `${changed} of ${indices.length} change their label`}
        </p>
        <div class="pager">
          <button
            type="button"
            class="quiet"
            aria-disabled={set === 0}
            onClick={() => lab.set('modesSet', Math.max(0, set - 1))}
          >
            Previous images
          </button>
          <button
            type="button"
            class="quiet"
            aria-disabled={set === last}
            onClick={() => lab.set('modesSet', Math.min(last, set + 1))}
          >
            Next images
          </button>
        </div>
      </header>
      <p class="note">
        Underlined is what is wrong. The image that you choose is the one held fixed among reshuffled companions.
      </p>
      <Cards lab={lab} compared={compared} shown={all.value ? indices.length : Math.min(SOME, indices.length)} />
      {indices.length > SOME && (
        <button type="button" class="quiet more-images" onClick={() => (all.value = !all.value)}>
          {all.value ? `Show ${SOME}` : `Show all ${indices.length}`}
        </button>
      )}
    </section>
  );
}

function Cards({ lab, compared, shown }: { lab: LabModel; compared: BatchComparison; shown: number }) {
  const modes = modesOf(lab);
  const engine = lab.engine.value;
  const names = engine.phase === 'ready' ? engine.classNames : [];
  const { indices, labels, pixels, height, width, eval: evalPredictions, train } = compared;
  const held = modes.holdsOwn.value ? -1 : Math.min(lab.config.value.modesImage, indices.length - 1);
  return (
    <fieldset class="cards">
      <legend class="visually-hidden">Image held fixed</legend>
      {indices.slice(0, shown).map((index, i) => {
        const evalPrediction = evalPredictions[i];
        const trainPrediction = 'failure' in train ? undefined : train[i];
        const differs = trainPrediction !== undefined && trainPrediction.label !== evalPrediction?.label;
        const label = labels[i] as number;
        return (
          <label key={i} class={differs ? 'card differs' : 'card'}>
            <input
              type="radio"
              name="held"
              class="visually-hidden"
              checked={i === held}
              onChange={() => {
                modes.holdsOwn.value = false;
                lab.set('modesImage', i);
              }}
            />
            <Picture
              label={`Test image ${index}`}
              pixels={pixels.subarray(i * height * width, (i + 1) * height * width)}
              height={height}
              width={width}
            />
            <p class="truth">{names[label]}</p>
            {differs && <p class="mark">changed</p>}
            <Guess mode="eval" prediction={evalPrediction} label={label} names={names} />
            <Guess mode="train" prediction={trainPrediction} label={label} names={names} />
          </label>
        );
      })}
    </fieldset>
  );
}
