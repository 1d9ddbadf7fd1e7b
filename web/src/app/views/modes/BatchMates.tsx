import { useEffect } from 'preact/hooks';
import type { BatchComparison, Draw, Subject } from '../../../worker/modes-plan';
import { Guess, Picture } from '../../components/ImageCard';
import { plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { Companions } from './Companions';
import { LogitStrips } from './LogitStrips';
import { useMates } from './mates';
import { explainMates } from './mates-explain';
import { predictionOf } from './modes-explain';
import { modesOf } from './modes-state';

/** Time from one draw to the next. */
const BEAT_MS = 200;
/** Draws at once, for those who want no motion. */
const MANY = 20;

interface Props {
  lab: LabModel;
  subject: Subject;
  compared: BatchComparison;
}

/** One image is held fixed while its companions change: only train mode notices. */
export function BatchMates({ lab, subject, compared }: Props) {
  const modes = modesOf(lab);
  const { modesBatch: size, modesOrder: order, modesSet: set, modesImage } = lab.config.value;
  const own = modes.holdsOwn.value ? modes.own.value : null;
  const place = Math.min(modesImage, size - 1);
  const engine = lab.engine.value;
  const names = engine.phase === 'ready' ? engine.classNames : [];
  const { revision } = subject;
  const held = own ?? place;
  const mates = useMates(lab, { size, order, set }, held, [revision, size, order, set, held, lab.opened.value]);
  const { draws, pixels } = mates;
  const last = draws.at(-1);
  const plane = compared.height * compared.width;
  const label = own ? null : (compared.labels[place] ?? null);
  const refusal = last && 'failure' in last.train ? last.train.failure : null;
  return (
    <section class="layers mates" aria-labelledby="mates-title">
      <header>
        <h2 id="mates-title">Batch mates</h2>
        <p>
          One image is held fixed while the others of its batch are drawn anew. Bars: the ten logits of that image, eval
          mode above each line and train mode beneath it; faint, the former draws.
        </p>
      </header>
      <Beat lab={lab} size={size} mates={mates} />
      <div class="mates-body">
        <div class="mates-images">
          <div class="held">
            <Picture
              label="The image held fixed"
              pixels={own ?? compared.pixels.subarray(place * plane, (place + 1) * plane)}
              height={compared.height}
              width={compared.width}
            />
            <div>
              <p class="truth">{own ? 'your image' : names[label ?? 0]}</p>
              {last && <Guesses draw={last} label={label} names={names} />}
            </div>
          </div>
          {last && <Companions draw={last} pixels={pixels} compared={compared} />}
        </div>
        {last && <LogitStrips draws={draws} names={names} />}
      </div>
      {refusal && <p class="refusal">{plainMessage(refusal)}</p>}
      <p class="why">{explainMates(subject, draws, names)}</p>
    </section>
  );
}

function Guesses({ draw, label, names }: { draw: Draw; label: number | null; names: readonly string[] }) {
  const train = 'failure' in draw.train ? undefined : predictionOf(draw.train);
  return (
    <>
      <Guess mode="eval" prediction={predictionOf(draw.eval)} label={label} names={names} />
      <Guess mode="train" prediction={train} label={label} names={names} />
    </>
  );
}

/** Draws on demand, or again and again; many at once where motion is not wanted. */
function Beat({ lab, size, mates }: { lab: LabModel; size: number; mates: ReturnType<typeof useMates> }) {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const keeps = modesOf(lab).reshuffling;
  const on = keeps.value && size > 1;
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => document.hidden || mates.keepOn(), BEAT_MS);
    return () => clearInterval(timer);
  });
  return (
    <div class="beat">
      <button type="button" class="key" aria-disabled={size === 1} onClick={() => mates.reshuffle()}>
        Reshuffle companions
      </button>
      {still ? (
        <button type="button" class="key" aria-disabled={size === 1} onClick={() => mates.reshuffle(MANY)}>
          Reshuffle {MANY} times
        </button>
      ) : (
        <button
          type="button"
          class="key"
          aria-pressed={on}
          aria-disabled={size === 1}
          onClick={() => (keeps.value = size > 1 && !keeps.value)}
        >
          Keep reshuffling
        </button>
      )}
    </div>
  );
}
