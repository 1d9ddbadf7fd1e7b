import { computed } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import type { CurveChart } from '../charts/curve-chart';
import { normLabel, sweepChart, sweepPicture } from '../charts/sweep-chart';
import { plainMessage } from '../state/explain';
import type { LabModel } from '../state/lab';
import { pointsOf } from '../state/sweep-figures';
import { sweepCsv, sweepJson } from '../state/sweep-files';
import { ChartBox } from './ChartBox';
import { FlagField } from './FlagField';

/** A chart of other lines or another axis is another chart; the points come and go in the one that stands. */
export function SweepCurves({ lab }: { lab: LabModel }) {
  const { sweepNorms: norms, sweepBatches: batchSizes, sweepPaper } = lab.config.value;
  const drawn = useRef<CurveChart | null>(null);
  const chart = useMemo(() => sweepChart(norms, batchSizes, sweepPaper), [norms, batchSizes, sweepPaper]);
  const points = useMemo(() => computed(() => pointsOf(lab.sweep.plan.value, lab.sweep.results.value)), [lab]);
  const picture = useMemo(
    () => () => sweepPicture(norms, batchSizes, points.peek(), sweepPaper),
    [norms, batchSizes, sweepPaper, points],
  );
  return (
    <section class="curves sweep-curves" aria-label="Curves">
      <ChartBox lab={lab} chart={chart} revision={points} picture={picture} drawn={drawn}>
        <Failures lab={lab} />
        <div class="chart-foot">
          <FlagField lab={lab} name="sweepPaper" />
          <Exports lab={lab} png={async () => drawn.current?.png()} />
        </div>
      </ChartBox>
    </section>
  );
}

/** Equal messages are said once, with all the places where they came. */
function Failures({ lab }: { lab: LabModel }) {
  const failed = lab.sweep.results.value.filter(({ error }) => error);
  if (failed.length === 0) return null;
  const places = new Map<string, string[]>();
  for (const { norm, batchSize, seed, error } of failed) {
    const message = plainMessage({ name: '', code: '', message: error?.message ?? '' });
    const place = `${normLabel(norm)} at batch size ${batchSize}, seed ${seed}`;
    places.set(message, [...(places.get(message) ?? []), place]);
  }
  return (
    <section class="refusal" aria-label="Failed runs">
      <p>Failed, a cross in the chart:</p>
      <ul>
        {[...places].map(([message, where]) => (
          <li key={message}>
            {where.join('; ')}: {message}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Exports({ lab, png }: { lab: LabModel; png: () => Promise<Blob | undefined> }) {
  const { plan, results } = lab.sweep;
  const empty = results.value.length === 0;
  const engine = lab.engine.value;
  const variant = engine.phase === 'ready' ? engine.variant : '';
  const text = (type: string, content: string) => new Blob([content], { type: `${type};charset=utf-8` });
  const formats: [string, () => Promise<Blob | undefined> | Blob][] = [
    ['CSV', () => text('text/csv', sweepCsv(results.peek()))],
    ['JSON', () => text('application/json', sweepJson(plan.peek(), variant, results.peek()))],
    ['PNG', png],
  ];
  return (
    <section class="exports" aria-label="Export">
      {formats.map(([name, make]) => (
        <button
          key={name}
          type="button"
          class="quiet"
          aria-disabled={empty}
          onClick={async () => {
            const blob = empty ? undefined : await make();
            if (blob) save(blob, `normlab-sweep.${name.toLowerCase()}`);
          }}
        >
          Save {name}
        </button>
      ))}
    </section>
  );
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download has taken hold of it once this task is over.
  setTimeout(() => URL.revokeObjectURL(link.href));
}
