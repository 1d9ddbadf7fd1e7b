import type { BatchComparison, Draw } from '../../../worker/modes-plan';
import { Picture } from '../../components/ImageCard';

const SHEET_COLUMNS = 8;

interface Props {
  draw: Draw;
  /** Grey values of the companions. */
  pixels: Uint8Array;
  compared: BatchComparison;
}

/** The images that share the batch in a draw. */
export function Companions({ draw, pixels, compared }: Props) {
  const { companions } = draw;
  const { height, width } = compared;
  if (companions.length === 0) return <p class="note">Alone in its batch.</p>;
  const sheet = contactSheet(pixels, companions.length, height, width);
  const several = companions.length > 1 ? 'images' : 'image';
  return (
    <div class="companions" style={{ '--share': sheet.columns / SHEET_COLUMNS }}>
      <Picture label={`Companions: test ${several} ${companions.join(', ')}`} {...sheet} />
    </div>
  );
}

/** Many images as one, in rows: one picture is drawn faster than sixty. */
function contactSheet(pixels: Uint8Array, count: number, height: number, width: number) {
  const columns = Math.min(SHEET_COLUMNS, count);
  const rows = Math.ceil(count / columns);
  const sheet = new Uint8Array(rows * height * columns * width);
  for (let i = 0; i < count; i++) {
    const corner = Math.floor(i / columns) * height * columns * width + (i % columns) * width;
    for (let row = 0; row < height; row++) {
      const from = (i * height + row) * width;
      sheet.set(pixels.subarray(from, from + width), corner + row * columns * width);
    }
  }
  return { pixels: sheet, height: rows * height, width: columns * width, columns };
}
