import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { CurveChart } from '../charts/curve-chart';
import type { RunChart } from '../charts/run-charts';
import type { LabModel } from '../state/lab';
import { theme } from '../state/theme';

/** Gives a chart its place in the page. What it draws never passes through the virtual DOM. */
export function ChartBox({ lab, chart }: { lab: LabModel; chart: RunChart }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!host.current) return;
    const curves = new CurveChart(host.current, chart);
    const stopDrawing = effect(() => {
      lab.revision.value;
      curves.draw(() => chart.data(lab.history.peek()));
    });
    const stopRestyling = effect(() => {
      theme.value;
      lab.config.value.norm;
      curves.restyle();
    });
    return () => {
      stopDrawing();
      stopRestyling();
      curves.destroy();
    };
  }, [lab, chart]);
  return (
    <figure class="chart">
      <figcaption>
        <h2>{chart.title}</h2>
        <p>{chart.caption}</p>
      </figcaption>
      <div ref={host} class="chart-host" />
    </figure>
  );
}
