import '../../styles/images.css';
import { useEffect, useRef } from 'preact/hooks';
import type { Mode, Prediction } from '../../worker/protocol';
import { LineKey } from './LineKey';

interface GuessProps {
  mode: Mode;
  /** Absent where the mode refused the batch. */
  prediction: Prediction | undefined;
  /** The right one; null where there is none. */
  label: number | null;
  names: readonly string[];
}

/** What the network says of an image in one mode. */
export function Guess({ mode, prediction, label, names }: GuessProps) {
  const right = label === null || prediction?.label === label;
  return (
    <p class={right ? 'guess' : 'guess wrong'}>
      <LineKey mode={mode} />
      <span class="visually-hidden">{mode} mode: </span>
      <span class="guess-name">{prediction ? names[prediction.label] : 'refused'}</span>
      {prediction && (
        <span class="guess-share">
          {Number.isFinite(prediction.confidence) ? Math.round(100 * prediction.confidence) : '–'}&#8202;%
          {label !== null && <span class="visually-hidden">, {right ? 'right' : 'wrong'}</span>}
        </span>
      )}
    </p>
  );
}

interface PictureProps {
  label: string;
  /** Grey values, row after row. */
  pixels: Uint8Array;
  height: number;
  width: number;
}

export function Picture({ label, pixels, height, width }: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const image = context.createImageData(width, height);
    // Four bytes at once, for there may be many pictures: alpha is the highest, the three colours are equal.
    const words = new Uint32Array(image.data.buffer);
    pixels.forEach((grey, i) => {
      words[i] = 0xff000000 | (grey * 0x010101);
    });
    context.putImageData(image, 0, 0);
  }, [pixels, height, width]);
  return <canvas ref={canvas} class="picture" height={height} width={width} role="img" aria-label={label} />;
}
