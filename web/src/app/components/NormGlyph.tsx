import type { NormName } from '../../worker/protocol';

const SIZE = 4;
const PITCH = 5;
const CELL = 4;
const STROKE = 1.2;

/** Whether a cell (row: image, column: channel) is normalized together with the glyph's sample cell. */
const shares: Record<NormName, (image: number, channel: number) => boolean> = {
  batch: (_, channel) => channel === 1,
  layer: (image) => image === 1,
  group: (image, channel) => image === 1 && channel < 2,
  instance: (image, channel) => image === 1 && channel === 1,
  rms: (image) => image === 1,
  none: () => false,
};

/**
 * The values of a batch as a grid, images down and channels across; lit are those that are normalized together, hollow
 * where the mean is not taken away.
 */
export function NormGlyph({ norm }: { norm: NormName }) {
  const cells = Array.from({ length: SIZE * SIZE }, (_, i) => ({ image: Math.floor(i / SIZE), channel: i % SIZE }));
  const extent = SIZE * PITCH - (PITCH - CELL);
  return (
    <svg class="glyph" data-norm={norm} viewBox={`0 0 ${extent} ${extent}`} aria-hidden="true" focusable="false">
      {cells.map(({ image, channel }) => {
        const lit = shares[norm](image, channel);
        const inset = lit && norm === 'rms' ? STROKE / 2 : 0;
        return (
          <rect
            key={`${image} ${channel}`}
            class={lit ? (inset ? 'hollow' : 'lit') : undefined}
            x={channel * PITCH + inset}
            y={image * PITCH + inset}
            width={CELL - 2 * inset}
            height={CELL - 2 * inset}
            stroke-width={inset ? STROKE : undefined}
          />
        );
      })}
    </svg>
  );
}
