import type { NormName } from '../../worker/protocol';

const SIZE = 4;
const PITCH = 5;
const CELL = 4;

/** Whether a cell (row: image, column: channel) shares its mean and variance with the glyph's sample cell. */
const shares: Record<NormName, (image: number, channel: number) => boolean> = {
  batch: (_, channel) => channel === 1,
  layer: (image) => image === 1,
  group: (image, channel) => image === 1 && channel < 2,
  none: () => false,
};

/** The values of a batch as a grid, images down and channels across; lit are those that share one mean and variance. */
export function NormGlyph({ norm }: { norm: NormName }) {
  const cells = Array.from({ length: SIZE * SIZE }, (_, i) => ({ image: Math.floor(i / SIZE), channel: i % SIZE }));
  const extent = SIZE * PITCH - (PITCH - CELL);
  return (
    <svg class="glyph" data-norm={norm} viewBox={`0 0 ${extent} ${extent}`} aria-hidden="true" focusable="false">
      {cells.map(({ image, channel }) => (
        <rect
          key={`${image} ${channel}`}
          class={shares[norm](image, channel) ? 'lit' : undefined}
          x={channel * PITCH}
          y={image * PITCH}
          width={CELL}
          height={CELL}
        />
      ))}
    </svg>
  );
}
