import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Subject } from '../../../worker/modes-plan';
import { FlagField } from '../../components/FlagField';
import type { LabModel } from '../../state/lab';
import { DrawingBoard } from './DrawingBoard';
import { modesOf } from './modes-state';
import { OwnAnswer } from './OwnAnswer';
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
          {modes.own.value && <OwnAnswer lab={lab} subject={subject} pixels={modes.own.value} />}
        </div>
      </div>
    </section>
  );
}
