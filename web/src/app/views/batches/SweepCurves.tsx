import { computed } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import type { CurveChart } from '../../charts/curve-chart';
import { ChartBox } from '../../components/ChartBox';
import { FlagField } from '../../components/FlagField';
import { save, textFile } from '../../exports/save';
import { plainMessage, remedy } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { sweepOf } from './sweep';
import { normLabel, sweepChart, sweepPicture } from './sweep-chart';
import { failuresOf, pointsOf } from './sweep-figures';
import { sweepCsv, sweepJson } from './sweep-files';

/** A chart of other lines or another axis is another chart; the points come and go in the one that stands. */
export function SweepCurves({ lab }: { lab: LabModel }) {
  const { sweepNorms: norms, sweepBatches: batchSizes, sweepPaper } = lab.config.value;
  const drawn = useRef<CurveChart | null>(null);
  const chart = useMemo(() => sweepChart(norms, batchSizes, sweepPaper), [norms, batchSizes, sweepPaper]);
  const points = useMemo(() => computed(() => pointsOf(sweepOf(lab).plan.value, sweepOf(lab).results.value)), [lab]);
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

/** What failed, said once for all batch sizes of a norm at which it failed alike, and what to do about it. */
function Failures({ lab }: { lab: LabModel }) {
  const failures = failuresOf(sweepOf(lab).results.value);
  if (failures.length === 0) return null;
  const { images } = sweepOf(lab).plan.value;
  return (
    <section class="refusal" aria-label="Failed runs">
      <p>Failed runs, each place a cross in the chart:</p>
      <ul>
        {failures.map(({ norm, failure, batchSizes, runs }) => (
          <li key={`${norm} ${failure.message}`}>
            <b>
              {normLabel(norm)} at batch size {batchSizes.join(', ')}
            </b>{' '}
            ({runs === 1 ? '1 run' : `${runs} runs`}): {plainMessage(failure)}.{' '}
            {remedy(failure, batchSizes[0] ?? 0, images)}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Exports({ lab, png }: { lab: LabModel; png: () => Promise<Blob | undefined> }) {
  const { plan, results } = sweepOf(lab);
  const empty = results.value.length === 0;
  const engine = lab.engine.value;
  const variant = engine.phase === 'ready' ? engine.variant : '';
  const formats: [string, () => Promise<Blob | undefined> | Blob][] = [
    ['CSV', () => textFile('text/csv', sweepCsv(results.peek()))],
    ['JSON', () => textFile('application/json', sweepJson(plan.peek(), variant, results.peek()))],
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
