import { effect, type ReadonlySignal } from '@preact/signals';
import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Chart, Picture } from '../charts/chart';
import { CurveChart } from '../charts/curve-chart';
import { enter } from '../charts/present';
import type { LabModel } from '../state/lab';

interface Props {
  lab: LabModel;
  chart: Chart;
  /** Changes whenever there is something new to draw. */
  revision: ReadonlySignal<unknown>;
  picture: () => Picture;
  /** Is given the chart that stands here, for those who want its image. */
  drawn?: RefObject<CurveChart | null>;
  /** What stands below it. */
  children?: ComponentChildren;
}

/** Gives a chart its place in the page. What it draws never passes through the virtual DOM. */
export function ChartBox({ lab, chart, revision, picture, drawn, children }: Props) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!host.current) return;
    const curves = new CurveChart(host.current, chart, lab);
    if (drawn) drawn.current = curves;
    const leave = enter(curves);
    const stopDrawing = effect(() => {
      revision.value;
      curves.draw(picture);
    });
    const stopRestyling = effect(() => {
      lab.theme.value;
      lab.config.value.norm;
      curves.restyle();
    });
    return () => {
      stopDrawing();
      stopRestyling();
      leave();
      curves.destroy();
      if (drawn) drawn.current = null;
    };
  }, [lab, chart, revision, picture, drawn]);
  return (
    <figure class="chart">
      <figcaption>
        <h2>{chart.title}</h2>
        <p>{chart.caption}</p>
      </figcaption>
      <div ref={host} class="chart-host" />
      {children}
    </figure>
  );
}
