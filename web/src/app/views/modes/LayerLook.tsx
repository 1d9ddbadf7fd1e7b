import type { BatchComparison, ChannelSources, LayerGap } from '../../../worker/modes-plan';
import { type Bins, type Line, Plot } from '../../charts/Plot';
import { LineKey } from '../../components/LineKey';
import { plural, typeName } from './modes-explain';

interface Props {
  layer: LayerGap;
  first: LayerGap | null;
  compared: BatchComparison;
}

/** The outputs of one layer in both modes; of a BatchNorm also the mean and standard deviation that make the difference. */
export function LayerLook({ layer, first, compared }: Props) {
  const { key, type } = layer;
  const sources = compared.sources[key];
  const bins = (mode: 'train' | 'eval'): Bins => ({
    kind: 'bins',
    label: `${mode} mode`,
    mode,
    color: '--norm',
    ...layer[mode],
  });
  return (
    <section class="look" aria-label={`Layer ${key} in both modes`}>
      <h3>
        Layer {key}, {typeName(type)}
      </h3>
      <p class="note">{explain(layer, first, compared)}</p>
      <p class="look-keys">
        <LineKey mode="eval" /> eval mode <LineKey mode="train" /> train mode
      </p>
      <div class="plots">
        <figure>
          <figcaption>Outputs of all {plural(compared.indices.length, 'image')}</figcaption>
          <Plot
            label={`Histogram of the outputs of layer ${key} in both modes`}
            series={[bins('eval'), bins('train')]}
            x={{ label: 'output' }}
            y={{ ticks: { values: [] } }}
          />
        </figure>
        {sources && <Sources name={key} sources={sources} />}
      </div>
    </section>
  );
}

/** Mean and standard deviation of each channel, in the order of the running ones. */
function Sources({ name, sources }: { name: string; sources: ChannelSources }) {
  const { runningMean, runningVar, batchMean, batchVar } = sources;
  const figures = [
    { what: 'Mean', running: runningMean, own: batchMean },
    { what: 'Standard deviation', running: runningVar.map(Math.sqrt), own: batchVar.map(Math.sqrt) },
  ];
  return (
    <>
      {figures.map(({ what, running, own }) => {
        const order = [...running.keys()].sort((a, b) => (running[a] as number) - (running[b] as number));
        const line = (mode: 'train' | 'eval', values: Float32Array): Line => ({
          kind: 'line',
          label: mode === 'eval' ? 'running' : 'of this batch',
          mode,
          color: '--norm',
          x: order.map((_, i) => i + 1),
          y: order.map((channel) => values[channel] as number),
        });
        return (
          <figure key={what}>
            <figcaption>{what} of each channel</figcaption>
            <Plot
              label={`${what} of the channels of layer ${name}, running and of this batch`}
              series={[line('train', own), line('eval', running)]}
              x={{ label: 'channels, by the running one' }}
            />
          </figure>
        );
      })}
    </>
  );
}

function explain(
  { key, type, relative }: LayerGap,
  first: LayerGap | null,
  { indices, values, sources }: BatchComparison,
): string {
  const m = values[key];
  if (sources[key] && m) {
    return `Eval mode takes the solid mean and standard deviation of each channel, train mode the dashed ones, of ${plural(m, 'value')} from ${plural(indices.length, 'image')}. Where they are apart, so are the outputs.`;
  }
  if (m) {
    return `Mean and variance come from ${plural(m, 'value')} of one image, in either mode: no other image matters.`;
  }
  if (relative === 0) return 'It does the same in both modes, and what comes in is the same.';
  return first && type !== first.type
    ? `It does the same in both modes; what comes in differs since layer ${first.key}.`
    : '';
}
