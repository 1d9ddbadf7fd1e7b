import type { Subject } from '../../../worker/modes-plan';
import { Guess } from '../../components/ImageCard';
import { plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { useLive } from '../../state/live';
import { plural, predictionOf } from './modes-explain';
import { modesOf } from './modes-state';

/** What the network says of the reader's image, in train mode beside the first images of the batch. */
export function OwnAnswer({ lab, subject, pixels }: { lab: LabModel; subject: Subject; pixels: Uint8Array }) {
  const modes = modesOf(lab);
  const { modesBatch: size, modesOrder: order, modesSet: set } = lab.config.value;
  const plan = { size, order, set };
  const { revision } = subject;
  const { value } = useLive(lab, () => lab.ask('modes', 'draw', plan, pixels, 0, 1), [
    revision,
    size,
    order,
    set,
    pixels,
  ]);
  const engine = lab.engine.value;
  const names = engine.phase === 'ready' ? engine.classNames : [];
  const draw = value?.draws[0];
  if (!draw) return null;
  const { train } = draw;
  const companions = plural(draw.companions.length, 'image');
  return (
    <section class="own-answer" aria-label="What the network says of your image">
      <Guess mode="eval" prediction={predictionOf(draw.eval)} label={null} names={names} />
      <Guess
        mode="train"
        prediction={'failure' in train ? undefined : predictionOf(train)}
        label={null}
        names={names}
      />
      {'failure' in train && <p class="refusal">{plainMessage(train.failure)}</p>}
      <p class="note">
        {draw.companions.length === 0
          ? 'In train mode it is a batch of its own.'
          : `In train mode it shares its batch with the first ${companions} of the batch above.`}
      </p>
      <button
        type="button"
        class="quiet"
        aria-pressed={modes.holdsOwn.value}
        onClick={() => (modes.holdsOwn.value = !modes.holdsOwn.value)}
      >
        Hold it fixed among batch mates
      </button>
    </section>
  );
}
