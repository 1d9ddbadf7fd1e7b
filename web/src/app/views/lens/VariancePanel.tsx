import type { VarianceAnswer } from '../../../worker/services/variances';
import { Plot } from '../../charts/Plot';
import { NumberField } from '../../components/NumberField';
import type { LabModel } from '../../state/lab';
import { useLive } from '../../state/live';
import { count } from '../../state/status';
import { significant } from './figures';
import { ValueTable } from './ValueTable';

const ways = [
  { key: 'naive', title: 'naive: E[x²] − E[x]²', label: 'naive', color: '--alarm' },
  { key: 'twoPass', title: 'two passes', label: 'two passes', color: '--ink-2' },
  { key: 'welford', title: 'Welford', label: 'Welford', color: '--ink' },
  { key: 'engine', title: 'this engine', label: 'this engine', color: '--norm' },
] as const;

/** Relative errors below this are shown at it: float32 keeps no more. */
const LEAST = 1e-9;

/** The variance of the same numbers, in float32 by three ways, by the engine, and in float64. */
export function VariancePanel({ lab }: { lab: LabModel }) {
  const { lensFar, lensSeed } = lab.config.value;
  const { value } = useLive(lab, () => lab.ask('variances', 'at', lensFar, lensSeed), [lensFar, lensSeed]);
  return (
    <section class="layers variances" aria-labelledby="variance-title">
      <header>
        <h2 id="variance-title">A variance, three ways</h2>
        <p>
          One pass over the data is enough for E[x²] − E[x]². Where the mean is large, two numbers that are nearly equal
          are subtracted, and in float32 nothing of the variance may be left, or less than nothing.
        </p>
      </header>
      <div class="pair">
        <div>
          <NumberField lab={lab} name="lensFar" />
          {value && <Ways answer={value} />}
        </div>
        {value && <ErrorPlot answer={value} />}
      </div>
    </section>
  );
}

function Ways({ answer }: { answer: VarianceAnswer }) {
  const rows = ways.map(({ key, title }) => ({
    title,
    cells: [significant(answer[key], 6), significant(Math.abs(answer[key] - answer.exact) / answer.exact, 2)],
  }));
  return (
    <>
      <ValueTable
        label={`Variance of ${count(answer.count)} values`}
        head={['in float32', 'variance', 'relative error']}
        rows={[...rows, { title: 'exact, in float64', cells: [significant(answer.exact, 6), '0'] }]}
      />
      <p class="note">
        Of {count(answer.count)} numbers, as float32 holds them: at {count(answer.mean)} their spacing is{' '}
        {significant(spacing(answer.mean), 2)}.
        {answer.naive < 0 && ' The naive variance is negative: its root is not a number.'} The engine sums in float64,
        in two passes; in float32 alone, two passes are as good as the mean of the first.
      </p>
    </>
  );
}

function ErrorPlot({ answer: { curve } }: { answer: VarianceAnswer }) {
  const x = curve.mean.map(Math.log10);
  const power = (value: number) => `1e${String(Math.round(value)).replace('-', '−')}`;
  return (
    <figure>
      <figcaption>
        relative error against the mean{' '}
        {ways.map(({ key, label, color }) => (
          <span class="line-name" key={key} style={{ '--line': `var(${color})` }}>
            {label}
          </span>
        ))}
      </figcaption>
      <Plot
        label="Relative error of each way against the mean of the data; the figures at the chosen mean stand in the table"
        height={230}
        x={{ label: 'mean', ticks: { values: [0, 1, 2, 3, 4, 5, 6], format: power } }}
        y={{ min: -9, max: 9, ticks: { values: [-8, -4, 0, 4, 8], format: power } }}
        series={ways.map(({ key, label, color }) => ({
          kind: 'line',
          label,
          color,
          dots: true,
          x,
          y: curve[key].map((error) => Math.log10(Math.max(LEAST, error))),
        }))}
      />
    </figure>
  );
}

/** Distance of neighbouring float32 numbers at a value. */
function spacing(value: number): number {
  return 2 ** (Math.floor(Math.log2(value)) - 23);
}
