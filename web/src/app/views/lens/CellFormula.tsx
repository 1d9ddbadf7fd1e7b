import { affine, indexOf } from '../../../worker/lens-input';
import type { LensAnswer, Passed } from '../../../worker/services/lens';
import { mathNumber } from '../../components/Formula';
import type { LabModel } from '../../state/lab';
import { FormulaBox } from './FormulaBox';
import { decimalsFor, fixed, plain, significant } from './figures';
import { lensOf, sharingOf } from './lens';

/** The layer's formula with the numbers of one cell, as they are shown elsewhere. */
export function CellFormula({ lab, answer, shown }: { lab: LabModel; answer: LensAnswer; shown: Passed }) {
  const { question, x } = answer;
  const { layer, input, mode } = question;
  const cell = lensOf(lab).cell.value;
  const { statistic } = sharingOf(question, cell);
  const at = indexOf(input.shape, cell);
  const [mean, variance] = [shown.mean[statistic] as number, shown.variance[statistic] as number];
  const deviation = Math.sqrt(variance + layer.eps);
  const value = x[at] as number;
  const normalized = (value - mean) / deviation;
  const { gamma, beta } = affine(layer, input.shape[1]);
  const [weight, bias] = [gamma[cell[1]] as number, beta[cell[1]] as number];
  const decimals = decimalsFor(deviation);

  const [X, M, V, E] = [
    mathNumber(fixed(value, decimals)),
    mathNumber(fixed(mean, decimals), 'shared', true),
    mathNumber(significant(variance, 6), 'shared'),
    mathNumber(plain(layer.eps)),
  ];
  const N = mathNumber(fixed(normalized));
  const Y = mathNumber(fixed(shown.y[at] as number), 'result');
  const [G, B] = [mathNumber(plain(Number(weight.toFixed(4)))), mathNumber(plain(Number(bias.toFixed(4))), '', true)];
  const inner = mathNumber(fixed(normalized), '', true);

  const kept = layer.norm === 'batch' && mode === 'eval';
  const lines =
    layer.norm === 'rms'
      ? [
          [
            tex`\displaystyle \hat x = \frac{x}{\sqrt{\operatorname{mean}(x^2) + \varepsilon}}`,
            tex`\displaystyle {} = \frac{${X}}{\sqrt{${V} + ${E}}}`,
            tex`\displaystyle {} = ${N}`,
          ],
          [
            tex`\displaystyle y = \gamma \hat x`,
            tex`\displaystyle {} = ${G} \cdot ${inner}`,
            tex`\displaystyle {} = ${Y}`,
          ],
        ]
      : [
          [
            kept
              ? tex`\displaystyle \hat x = \frac{x - \mu_{\text{run}}}{\sqrt{\sigma^2_{\text{run}} + \varepsilon}}`
              : tex`\displaystyle \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}`,
            tex`\displaystyle {} = \frac{${X} - ${M}}{\sqrt{${V} + ${E}}}`,
            tex`\displaystyle {} = ${N}`,
          ],
          [
            tex`\displaystyle y = \gamma \hat x + \beta`,
            tex`\displaystyle {} = ${G} \cdot ${inner} + ${B}`,
            tex`\displaystyle {} = ${Y}`,
          ],
        ];
  return (
    <section class="layers" aria-labelledby="formula-title">
      <header>
        <h2 id="formula-title">The formula, with the numbers of this cell</h2>
        <p>{origin(kept, layer.norm === 'rms')}</p>
      </header>
      <FormulaBox label="The formula in numbers" lines={lines} />
    </section>
  );
}

function origin(kept: boolean, rms: boolean): string {
  if (kept) return 'In eval mode mean and variance are the running ones: constants, which this batch does not change.';
  if (rms) return 'The mean of x² is taken over the cells that are lit. No mean is taken away.';
  return 'μ and σ² are taken over the cells that are lit; the variance is that with divisor m.';
}
