import type { LensAnswer } from '../../../worker/services/lens';
import { Plot } from '../../charts/Plot';
import { LineKey } from '../../components/LineKey';
import { binned, rangeOf } from './bins';
import { significant } from './figures';

/** The output of eval mode over that of train mode, on the same batch. */
export function ModeHistogram({ answer }: { answer: LensAnswer }) {
  const { difference, question } = answer;
  const { norm } = question.layer;
  const [train, evaluated] = [answer.train, answer.eval];
  if (!('y' in train) || !('y' in evaluated)) return null;
  const [low, high] = rangeOf([train.y, evaluated.y]);
  const bins = (mode: 'train' | 'eval', y: Float32Array) =>
    ({ kind: 'bins', label: `${mode} mode`, norm, mode, low, high, counts: binned(y, low, high) }) as const;
  return (
    <div class="modes">
      <figure>
        <figcaption data-norm={norm}>
          output y of this batch: <LineKey mode="eval" /> eval mode over <LineKey mode="train" /> train mode
        </figcaption>
        <Plot
          label="Histograms of the output in train mode and in eval mode"
          height={170}
          x={{ label: 'y' }}
          y={{ label: 'cells', min: 0 }}
          series={[bins('train', train.y), bins('eval', evaluated.y)]}
        />
      </figure>
      <section class="reading difference" aria-label="Greatest difference between the modes">
        <h3>max |train − eval|</h3>
        <p class="figure">{significant(difference ?? 0, 3)}</p>
        <p class="source">{verdict(difference ?? 0)}</p>
      </section>
    </div>
  );
}

function verdict(difference: number): string {
  if (difference === 0) return 'The two modes compute the same.';
  if (difference < 0.2) return 'The running statistics fit this batch well.';
  return 'The same weights and the same batch: the difference is that of the statistics alone.';
}
