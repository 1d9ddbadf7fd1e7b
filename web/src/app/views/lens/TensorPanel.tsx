import { type Four, indexOf } from '../../../worker/lens-input';
import type { LensAnswer } from '../../../worker/services/lens';
import { plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { Cells } from './Cells';
import { moved } from './cells';
import { remedyOf, shareSentence } from './explain-lens';
import { significant } from './figures';
import { lensOf, sharingOf, shownOf } from './lens';
import { Said } from './Said';

/** Input and output as cells, and which of them belong together. */
export function TensorPanel({ lab, answer }: { lab: LabModel; answer: LensAnswer }) {
  const { question, x } = answer;
  const { shape } = question.input;
  const lens = lensOf(lab);
  const shown = shownOf(answer);
  const refused = answer[question.mode];
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = moved(shape, lens.chosen.value, event.key, event.shiftKey);
    if (!next) return;
    event.preventDefault();
    lens.hover(null);
    lens.choose(next);
  };
  const describe = (cell: Four) => {
    const at = indexOf(shape, cell);
    const output = shown ? `, y = ${significant(shown.y[at] as number)}` : '';
    const { m } = sharingOf(question, cell);
    return `Cell n ${cell[0]}, c ${cell[1]}, h ${cell[2]}, w ${cell[3]}: x = ${significant(x[at] as number)}${output}. ${shareSentence(question, cell, m)}`;
  };
  const { m } = sharingOf(question, lens.cell.value);
  return (
    <section class="layers lens-tensors" data-norm={question.layer.norm} aria-labelledby="lens-title">
      <header>
        <h2 id="lens-title">What shares a mean and a variance</h2>
        <p>
          Rows are the images n of the batch, columns the channels c, each a slice of {shape[2]} × {shape[3]} cells.
          Point at a cell, or move with the arrow keys, by slices with Shift.
        </p>
      </header>
      <section
        class="tensor-pair"
        role="application"
        aria-roledescription="tensor"
        aria-label="Cells of input and output"
        aria-describedby="lens-said"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move from cell to cell within it
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <Cells lab={lab} title="Input x" values={x} question={question} />
        {shown ? (
          <Cells lab={lab} title="Output y" values={shown.y} question={question} />
        ) : (
          <div class="tensor">
            <p class="refusal" role="alert">
              {'failure' in refused && `${plainMessage(refused.failure)}. ${remedyOf(refused.failure, question)}`}
            </p>
          </div>
        )}
      </section>
      <div class="sharing">
        <p class="m">
          <span>m</span> = <output>{m}</output>
        </p>
        <p>{describe(lens.cell.value)}</p>
      </div>
      <Said id="lens-said" text={describe(lens.chosen.value)} />
    </section>
  );
}
