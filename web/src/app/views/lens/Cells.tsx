import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { LensQuestion } from '../../../worker/lens-input';
import { brief } from '../../charts/ticks';
import { watchWidth } from '../../charts/width';
import type { LabModel } from '../../state/lab';
import { cellAt, drawCells, layoutOf, type Palette, paintTiles, paletteOf, roundExtent, type Tiles } from './cells';
import { lensOf, sharingOf } from './lens';

interface Props {
  lab: LabModel;
  /** Which tensor it is. */
  title: string;
  values: Float32Array;
  question: LensQuestion;
  children?: ComponentChildren;
}

/** A tensor drawn as its cells. Pointing at one lights those that share its mean and variance. */
export function Cells({ lab, title, values, question, children }: Props) {
  const figure = useRef<HTMLElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const painted = useRef<{ looks: readonly unknown[]; palette: Palette; tiles: Tiles } | null>(null);
  const room = useSignal(0);
  const inSight = useSignal(false);
  const lens = lensOf(lab);
  const cell = lens.cell.value;
  const { shape } = question.input;
  const extent = roundExtent(values);
  const layout = layoutOf(shape, room.value);
  const shade = lab.theme.value;

  useEffect(() => {
    const box = figure.current;
    if (!box) return;
    const stop = watchWidth(box, (width) => {
      room.value = width;
    });
    const scrolling = new IntersectionObserver(([entry]) => {
      inSight.value = entry?.isIntersecting ?? true;
    });
    scrolling.observe(box);
    return () => {
      stop();
      scrolling.disconnect();
    };
  }, [room, inSight]);

  useEffect(() => {
    if (!inSight.value) return;
    const frame = requestAnimationFrame(() => {
      if (!canvas.current || room.value === 0) return;
      const { lit } = sharingOf(question, cell);
      const known = painted.current;
      const looks = [values, question, shade] as const;
      const fresh = known && looks.every((part, i) => part === known.looks[i]);
      const paint = () => {
        const palette = paletteOf(canvas.current as HTMLCanvasElement);
        return { looks, palette, tiles: paintTiles(values, shape, extent, palette) };
      };
      const { palette, tiles } = fresh ? known : paint();
      if (!fresh) painted.current = { looks, palette, tiles };
      drawCells(canvas.current, layout, tiles, { lit, cell }, palette);
    });
    return () => cancelAnimationFrame(frame);
  }, [values, question, cell.join(), room.value, inSight.value, shade]);

  const under = (event: PointerEvent) => cellAt(layout, event.offsetX, event.offsetY);
  return (
    <figure class="tensor" ref={figure}>
      <figcaption>{title}</figcaption>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${title}: ${shape.join(' × ')} cells`}
        style={{ width: `${layout.width}px`, height: `${layout.height}px` }}
        onPointerMove={(event) => event.pointerType === 'mouse' && lens.hover(under(event))}
        onPointerLeave={() => lens.hover(null)}
        onClick={(event) => {
          const found = cellAt(layout, event.offsetX, event.offsetY);
          if (found) lens.choose(found);
        }}
      />
      <div class="cell-scale" aria-hidden="true">
        <span>{brief(-extent)}</span>
        <i />
        <span>{brief(extent)}</span>
      </div>
      {children}
    </figure>
  );
}
