import type { LensAnswer, StreamAnswer } from '../../../worker/services/lens';
import { Plot } from '../../charts/Plot';
import { LineKey } from '../../components/LineKey';
import { plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { useLive } from '../../state/live';
import { significant } from './figures';
import { lensOf } from './lens';
import { ValueTable } from './ValueTable';

/** Running mean and variance of one channel beside those of the batches that went into them. */
export function RunningPlots({ lab, answer }: { lab: LabModel; answer: LensAnswer }) {
  const { question } = answer;
  const channel = lensOf(lab).chosen.value[1];
  const { input, at, momentum, runningVar } = question;
  const inputs = [JSON.stringify([input, at, momentum, runningVar]), channel];
  const { value, failure } = useLive(lab, () => lab.ask('lens', 'stream', question, channel), inputs);
  if (failure) {
    return (
      <p class="refusal" role="alert">
        {plainMessage(failure)}
      </p>
    );
  }
  if (!value) return null;
  const last = value.runningMean.length - 1;
  const latest = (values: number[]) => (values.length > 0 ? significant(values.at(-1) as number) : '–');
  return (
    <>
      <p class="note line-names" data-norm="batch">
        Channel {channel}: <LineKey mode="eval" /> running, what eval mode uses; <LineKey mode="train" /> the batch's
        own, what train mode uses.
      </p>
      <div class="pair">
        {plot('mean', value.batchMean, value.runningMean)}
        {plot('variance', value.batchVar, value.runningVar)}
      </div>
      <ValueTable
        label={`Running statistics of channel ${channel} after ${last} batches`}
        head={['statistic', "the last batch's own", 'running']}
        rows={[
          { title: 'mean', cells: [latest(value.batchMean), latest(value.runningMean)] },
          { title: 'variance', cells: [latest(value.batchVar), latest(value.runningVar)] },
        ]}
      />
      <p class="note">{warmth(question.momentum, last)}</p>
    </>
  );
}

function plot(what: string, own: StreamAnswer['batchMean'], running: StreamAnswer['runningMean']) {
  const last = Math.max(10, running.length - 1);
  return (
    <figure>
      <figcaption>{what}</figcaption>
      <Plot
        label={`Running ${what} and each batch's own; the latest stand in the table`}
        height={170}
        x={{ label: 'batches', min: 0, max: last }}
        series={[
          {
            kind: 'line',
            label: "the batch's own",
            norm: 'batch',
            mode: 'train',
            dots: own.length < 30,
            x: own.map((_, i) => i + 1),
            y: own,
          },
          {
            kind: 'line',
            label: 'running',
            norm: 'batch',
            mode: 'eval',
            dots: running.length === 1,
            x: running.map((_, i) => i),
            y: running,
          },
        ]}
      />
    </figure>
  );
}

/** How much of the first values, mean 0 and variance 1, is left. */
function warmth(momentum: number, batches: number): string {
  const rest = 100 * (1 - momentum) ** batches;
  const share = rest > 0 && rest < 0.1 ? 'less than 0.1' : String(Number(rest.toPrecision(2)));
  return `Of their first values, mean 0 and variance 1, ${share} % is still in the running statistics.`;
}
