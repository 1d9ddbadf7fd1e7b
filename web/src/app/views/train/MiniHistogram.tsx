const WIDTH = 64;
const HEIGHT = 20;

/** A histogram from its smallest value to its largest, as tall as its fullest bin. */
export function MiniHistogram({ counts }: { counts: readonly number[] }) {
  const top = Math.max(...counts, 1);
  const step = WIDTH / counts.length;
  const path = counts.map((count) => `V${(HEIGHT * (1 - count / top)).toFixed(2)}h${step}`).join('');
  return (
    <svg class="mini" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" focusable="false">
      <path d={`M0 ${HEIGHT}${path}V${HEIGHT}Z`} />
    </svg>
  );
}
