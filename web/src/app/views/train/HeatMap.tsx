import { useEffect, useRef } from 'preact/hooks';
import { brief } from '../../charts/ticks';
import type { LabModel } from '../../state/lab';
import { drawHeatMap, heatRange } from './heat-map';
import type { Column } from './LayerLooks';

interface Props {
  lab: LabModel;
  title: string;
  columns: readonly Column[];
}

/** Histograms beside each other, one a look. */
export function HeatMap({ lab, title, columns }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colors = `${lab.theme.value} ${lab.form.config.value.norm}`;
  const [low, high] = heatRange(columns);
  const last = columns.at(-1)?.step ?? 0;
  useEffect(() => {
    const frame = requestAnimationFrame(() => canvas.current && drawHeatMap(canvas.current, columns, [low, high]));
    return () => cancelAnimationFrame(frame);
  }, [columns, low, high, colors]);
  return (
    <figure class="heat">
      <figcaption>{title}</figcaption>
      <div class="heat-box">
        <span class="heat-high">{brief(high)}</span>
        <span class="heat-low">{brief(low)}</span>
        <canvas
          ref={canvas}
          role="img"
          aria-label={`${title} over time, from ${brief(low)} to ${brief(high)}; the latest figures are beneath`}
        />
      </div>
      <p class="heat-time">
        <span>step {columns[0]?.step ?? 0}</span>
        <span>{last}</span>
      </p>
    </figure>
  );
}
