import { useEffect, useRef } from 'preact/hooks';
import { SIDE, stroke } from './own-image';

interface Props {
  pixels: Uint8Array | null;
  onDraw: (pixels: Uint8Array) => void;
}

/** 28 × 28 grey values to draw on with a pointer. Who has none takes a file. */
export function DrawingBoard({ pixels, onDraw }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<[number, number] | null>(null);
  // Between two renders there may be several strokes.
  const drawn = useRef(pixels);
  drawn.current = pixels;
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const image = context.createImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++)
      image.data.fill(pixels?.[i] ?? 0, 4 * i, 4 * i + 3).fill(255, 4 * i + 3, 4 * i + 4);
    context.putImageData(image, 0, 0);
  }, [pixels]);
  const draw = (event: PointerEvent) => {
    const box = canvas.current?.getBoundingClientRect();
    if (!box || !last.current) return;
    const at: [number, number] = [
      ((event.clientX - box.left) / box.width) * SIDE,
      ((event.clientY - box.top) / box.height) * SIDE,
    ];
    drawn.current = stroke(drawn.current ?? new Uint8Array(SIDE * SIDE), last.current[0] < 0 ? at : last.current, at);
    last.current = at;
    onDraw(drawn.current);
  };
  return (
    <canvas
      ref={canvas}
      class="board"
      width={SIDE}
      height={SIDE}
      role="img"
      aria-label="Your image; draw here with a pointer"
      onPointerDown={(event) => {
        canvas.current?.setPointerCapture(event.pointerId);
        last.current = [-1, -1];
        draw(event);
      }}
      onPointerMove={draw}
      onPointerUp={() => (last.current = null)}
      onPointerCancel={() => (last.current = null)}
    />
  );
}
