import type { Outcome } from '../../../worker/pitfalls/pitfall';
import { type Line, Plot } from '../../charts/Plot';

interface Props {
  title: string;
  plot: NonNullable<Outcome['plot']>;
}

/** The figure of one run, with what its lines are. */
export function OutcomePlot({ title, plot }: Props) {
  const { label, ...y } = plot.y;
  const series: Line[] = plot.curves.map((curve) => ({ kind: 'line', ...curve }));
  return (
    <figure class="outcome-plot">
      <figcaption>
        <b>{title}</b>: {label}
      </figcaption>
      <Plot label={`${title}: ${plot.label}`} series={series} x={plot.x} y={y} height={180} />
      <ul class="plot-key">
        {plot.curves.map(({ label, mode, norm, color }) => (
          <li key={label} data-norm={norm}>
            <svg class="line-key" data-mode={mode} viewBox="0 0 28 6" aria-hidden="true" focusable="false">
              <line x1="0" y1="3" x2="28" y2="3" style={color && { stroke: `var(${color})` }} />
            </svg>
            {label}
          </li>
        ))}
      </ul>
    </figure>
  );
}
