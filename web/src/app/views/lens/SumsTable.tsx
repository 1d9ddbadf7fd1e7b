import { type LensQuestion, sharers } from '../../../worker/lens-input';
import type { LensAnswer, Passed, Returned } from '../../../worker/services/lens';
import type { LabModel } from '../../state/lab';
import { significant } from './figures';
import { lensOf, sharingOf } from './lens';
import { ValueTable } from './ValueTable';

interface Props {
  lab: LabModel;
  answer: LensAnswer;
  shown: Passed;
  back: Returned;
}

/** The sums over each set of cells that share statistics: two of them vanish where the statistics are the batch's own. */
export function SumsTable({ lab, answer, shown, back: { sums } }: Props) {
  const { question } = answer;
  const { statistic } = sharingOf(question, lensOf(lab).settled.value);
  const m = sharers(question.layer, question.input.shape);
  const rows = Array.from(sums.dx, (dx, k) => ({
    title: nameOf(question, k),
    here: k === statistic,
    cells: [
      significant(shown.mean[k] as number),
      significant(shown.variance[k] as number),
      significant(dx, 3),
      significant(sums.dxNormalized[k] as number, 3),
      significant(sums.size[k] as number, 3),
    ],
  }));
  const rms = question.layer.norm === 'rms';
  return (
    <>
      <h3>The sums that must vanish</h3>
      <p class="note">{vanishing(question)}</p>
      <dl class="sums">
        <div>
          <dt>Σ dx of the cells lit</dt>
          <dd>{significant(sums.dx[statistic] as number, 3)}</dd>
        </div>
        <div>
          <dt>Σ dx · x̂ of the cells lit</dt>
          <dd>{significant(sums.dxNormalized[statistic] as number, 3)}</dd>
        </div>
        <div>
          <dt>beside Σ |dx|</dt>
          <dd>{significant(sums.size[statistic] as number, 3)}</dd>
        </div>
      </dl>
      <ValueTable
        label={`Statistics and sums of each set of ${m} cells`}
        head={['cells', rms ? 'mean' : 'mean μ', rms ? 'mean of x²' : 'variance σ²', 'Σ dx', 'Σ dx·x̂', 'Σ |dx|']}
        rows={rows}
      />
    </>
  );
}

function vanishing({ layer, mode }: LensQuestion): string {
  if (layer.norm === 'batch' && mode === 'eval') {
    return 'In eval mode mean and variance are constants: nothing is taken out, and neither sum vanishes.';
  }
  const rest = 'What is left is the rounding of float32, and of the second sum the share that ε has in σ² + ε.';
  if (layer.norm === 'rms') {
    return `No mean is taken away, so Σ dx is free; Σ dx · x̂ vanishes, for a longer x gives the same output. ${rest}`;
  }
  return `Σ dx vanishes, since adding a constant to the cells changes no output; Σ dx · x̂ vanishes, since stretching them changes none. ${rest}`;
}

function nameOf({ layer, input }: LensQuestion, k: number): string {
  const per = { batch: 0, layer: 0, rms: 0, group: layer.groups, instance: input.shape[1] }[layer.norm];
  if (layer.norm === 'batch') return `channel ${k}`;
  if (per === 0) return `image ${k}`;
  return `image ${Math.floor(k / per)}, ${layer.norm === 'group' ? 'group' : 'channel'} ${k % per}`;
}
