import type { LensAnswer } from '../../../worker/services/lens';
import type { LabModel } from '../../state/lab';
import { decimalsFor, fixed, significant } from './figures';
import { lensOf } from './lens';
import { ValueTable } from './ValueTable';

/** Mean and deviation of each channel over the batch, whatever the layer normalizes over. */
export function ChannelTable({ lab, answer }: { lab: LabModel; answer: LensAnswer }) {
  const { before, after } = answer.channels;
  const [, channel] = lensOf(lab).settled.value;
  const rows = Array.from(before.mean, (mean, c) => ({
    title: String(c),
    here: c === channel,
    cells: [
      fixed(mean, Math.min(6, decimalsFor(before.std[c] as number))),
      significant(before.std[c] as number, 5),
      after ? fixed(after.mean[c] as number) : '–',
      after ? fixed(after.std[c] as number) : '–',
    ],
  }));
  return (
    <section class="layers" aria-labelledby="channels-title">
      <header>
        <h2 id="channels-title">Each channel before and after</h2>
        <p>{sentence(answer)}</p>
      </header>
      <ValueTable
        label="Mean and standard deviation of each channel"
        head={['channel', 'mean before', 'std before', 'mean after', 'std after']}
        rows={rows}
      />
    </section>
  );
}

function sentence({ question: { layer, mode } }: LensAnswer): string {
  if (layer.norm === 'instance')
    return 'Taken over all images. InstanceNorm brings each channel of each image to mean β and deviation γ, hence these too.';
  if (layer.norm !== 'batch')
    return 'Taken over all images. This layer normalizes image by image: channels keep their differences.';
  if (mode === 'eval')
    return 'Taken over all images. In eval mode the output comes to mean β and deviation γ only as far as the running statistics fit this batch.';
  return 'Taken over all images. BatchNorm brings each channel to mean β and deviation γ, whatever came in.';
}
