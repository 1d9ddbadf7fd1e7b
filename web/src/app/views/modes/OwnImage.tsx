import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Subject } from '../../../worker/modes-plan';
import { FlagField } from '../../components/FlagField';
import { Guess } from '../../components/ImageCard';
import { plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { useLive } from '../../state/live';
import { DrawingBoard } from './DrawingBoard';
import { plural, predictionOf } from './modes-explain';
import { modesOf } from './modes-state';
import { readImage } from './own-image';

/** An image drawn by hand, or from a file, in either mode. */
export function OwnImage({ lab, subject }: { lab: LabModel; subject: Subject }) {
  const modes = modesOf(lab);
  const complaint = useSignal('');
  const over = useSignal(false);
  const file = useRef<File | null>(null);
  const { modesInvert } = lab.config.value;
  const show = (pixels: Uint8Array | null) => {
    complaint.value = '';
    modes.own.value = pixels;
    if (!pixels) modes.holdsOwn.value = false;
  };
  const read = async (next: File | null) => {
    file.current = next;
    if (!next) return;
    try {
      show(await readImage(next, lab.config.peek().modesInvert));
    } catch {
      file.current = null;
      complaint.value = `${next.name} is no image that this browser can read. Take a PNG, JPEG or WebP file.`;
    }
  };
  useEffect(() => {
    read(file.current);
  }, [modesInvert]);
  return (
    <section
      class={over.value ? 'layers own over' : 'layers own'}
      aria-labelledby="own-title"
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => (over.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        over.value = false;
        read(event.dataTransfer?.files[0] ?? null);
      }}
    >
      <header>
        <h2 id="own-title">Your own image</h2>
        <p>
          Draw something to wear, light on dark, or drop or choose an image file. It is fitted into 28 × 28 grey values
          and stays on this computer.
        </p>
      </header>
      <div class="own-body">
        <DrawingBoard
          pixels={modes.own.value}
          onDraw={(pixels) => {
            file.current = null;
            show(pixels);
          }}
        />
        <div class="own-side">
          <div class="own-keys">
            <label class="quiet file">
              Choose an image file
              <input
                type="file"
                accept="image/*"
                class="visually-hidden"
                onChange={(event) => {
                  read(event.currentTarget.files?.[0] ?? null);
                  // The same file can be chosen again.
                  event.currentTarget.value = '';
                }}
              />
            </label>
            <button
              type="button"
              class="quiet"
              aria-disabled={!modes.own.value}
              onClick={() => {
                file.current = null;
                show(null);
              }}
            >
              Clear
            </button>
          </div>
          <FlagField lab={lab} name="modesInvert" />
          {complaint.value && (
            <p class="error" role="alert">
              {complaint.value}
            </p>
          )}
          {modes.own.value && <Answer lab={lab} subject={subject} pixels={modes.own.value} />}
        </div>
      </div>
    </section>
  );
}

function Answer({ lab, subject, pixels }: { lab: LabModel; subject: Subject; pixels: Uint8Array }) {
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
