import { affine } from '../../../worker/lens-input';
import type { LensAnswer, Passed, Returned } from '../../../worker/services/lens';
import { ChoiceField } from '../../components/ChoiceField';
import { mathNumber } from '../../components/Formula';
import type { LabModel } from '../../state/lab';
import { Cells } from './Cells';
import { FormulaBox } from './FormulaBox';
import { fixed, significant } from './figures';
import { type CellGradient, gradientAt } from './gradient';
import { lensOf, sharingOf } from './lens';
import { SumsTable } from './SumsTable';
import { ValueTable } from './ValueTable';

interface Props {
  lab: LabModel;
  answer: LensAnswer;
  shown: Passed;
  back: Returned;
}

/** What goes back through the layer. */
export function BackwardPanel({ lab, answer, shown, back }: Props) {
  const { question } = answer;
  const { layer, input } = question;
  const cell = lensOf(lab).settled.value;
  const { gamma, beta } = affine(layer, input.shape[1]);
  const rows = gamma.map((weight, c) => ({
    title: String(c),
    here: c === cell[1],
    cells: [
      fixed(weight),
      significant(back.dgamma[c] as number),
      back.dbeta ? fixed(beta[c] as number) : 'none',
      back.dbeta ? significant(back.dbeta[c] as number) : '–',
    ],
  }));
  const positions = layer.norm === 'layer' || layer.norm === 'rms';
  return (
    <section class="layers backward" aria-labelledby="backward-title">
      <header>
        <h2 id="backward-title">Backward: what each cell of the input is told</h2>
        <p>
          Mean and variance depend on every cell lit, so the gradient of each comes to all of them. What is common to
          them, and what points along x̂, is taken out: the layer undoes both anyway.
        </p>
      </header>
      <ChoiceField lab={lab} name="lensUpstream" />
      <CellSteps gradient={gradientAt(answer, shown, back, sharingOf(question, cell), cell)} answer={answer} />
      <div class="tensor-pair">
        <Cells lab={lab} title="Upstream gradient dy" values={back.dy} question={question} />
        <Cells lab={lab} title="Gradient of the input dx" values={back.dx} question={question} />
      </div>
      <SumsTable lab={lab} answer={answer} shown={shown} back={back} />
      <h3>dγ and dβ</h3>
      <p class="note">
        dγ is the sum of dy · x̂ over a channel, dβ that of dy.
        {positions && ' This layer has a weight for each position; shown are their sums over a channel.'}
      </p>
      <ValueTable label="Gradients of weight and bias" head={['channel', 'γ', 'dγ', 'β', 'dβ']} rows={rows} />
    </section>
  );
}

/** dx of one cell, from what is shown of it. */
function CellSteps({ gradient, answer }: { gradient: CellGradient; answer: LensAnswer }) {
  const { layer, mode } = answer.question;
  const number = (value: number, enclosed = true) => mathNumber(fixed(value), '', enclosed);
  const { g, meanG, meanGX, normalized, deviation, dx } = gradient;
  const D = mathNumber(significant(deviation, 5));
  const result = mathNumber(fixed(dx), 'result');
  const constant = layer.norm === 'batch' && mode === 'eval';
  const parts = constant
    ? [
        tex`\displaystyle dx = \frac{\gamma \, dy}{\sqrt{\sigma^2_{\text{run}} + \varepsilon}}`,
        tex`\displaystyle {} = \frac{${number(g, false)}}{${D}}`,
      ]
    : layer.norm === 'rms'
      ? [
          tex`\displaystyle dx = \frac{g - \hat x \operatorname{mean}(g \hat x)}{\sqrt{\operatorname{mean}(x^2) + \varepsilon}}`,
          tex`\displaystyle {} = \frac{${number(g, false)} - ${number(normalized)} \cdot ${number(meanGX)}}{${D}}`,
        ]
      : [
          tex`\displaystyle dx = \frac{g - \operatorname{mean}(g) - \hat x \operatorname{mean}(g \hat x)}{\sqrt{\sigma^2 + \varepsilon}}`,
          tex`\displaystyle {} = \frac{${number(g, false)} - ${number(meanG)} - ${number(normalized)} \cdot ${number(meanGX)}}{${D}}`,
        ];
  return <FormulaBox label="dx of this cell, in numbers" lines={[[...parts, tex`\displaystyle {} = ${result}`]]} />;
}
