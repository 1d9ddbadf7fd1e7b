import { indexOf } from '../../../worker/lens-input';
import type { LensAnswer, Passed } from '../../../worker/services/lens';
import { Plot } from '../../charts/Plot';
import type { LabModel } from '../../state/lab';
import { binned, rangeOf } from './bins';
import { lensOf, sharingOf } from './lens';

/** How the values lie before and after, all of them and those that are lit. */
export function Histograms({ lab, answer, shown }: { lab: LabModel; answer: LensAnswer; shown: Passed }) {
  const { question, x } = answer;
  const { norm } = question.layer;
  const [N, C, H, W] = question.input.shape;
  const { lit } = sharingOf(question, lensOf(lab).settled.value);
  const litOnly = (values: Float32Array) => {
    const kept: number[] = [];
    for (let n = 0; n < N; n++) {
      for (let c = 0; c < C; c++) {
        const from = indexOf(question.input.shape, [n, c, 0, 0]);
        if (lit(n, c)) kept.push(...values.subarray(from, from + H * W));
      }
    }
    return kept;
  };
  const figure = (title: string, values: Float32Array) => {
    const [low, high] = rangeOf([values]);
    return (
      <figure>
        <figcaption>{title}</figcaption>
        <Plot
          label={`Histogram of ${title}: how many cells have which value, of all and of those that are lit`}
          height={150}
          x={{ label: 'value' }}
          y={{ label: 'cells', min: 0 }}
          series={[
            { kind: 'bins', label: 'all cells', color: '--ink-2', low, high, counts: binned(values, low, high) },
            { kind: 'bins', label: 'cells lit', norm, low, high, counts: binned(litOnly(values), low, high) },
          ]}
        />
      </figure>
    );
  };
  return (
    <section class="layers" aria-labelledby="histogram-title">
      <header>
        <h2 id="histogram-title">Before and after</h2>
        <p>
          <i class="swatch" /> all cells, <i class="swatch lit" /> the cells lit
        </p>
      </header>
      <div class="pair">
        {figure('input x', x)}
        {figure('output y', shown.y)}
      </div>
    </section>
  );
}
