import type { LayerInfo } from '../../../worker/protocol';
import type { LabModel } from '../../state/lab';
import { StatisticsTable } from './StatisticsTable';

const typeNames: Record<string, string> = {
  batchNorm: 'BatchNorm',
  batchRenorm: 'BatchRenorm',
  layerNorm: 'LayerNorm',
  groupNorm: 'GroupNorm',
  instanceNorm: 'InstanceNorm',
  rmsNorm: 'RMSNorm',
  conv2d: 'conv',
  linear: 'linear',
  relu: 'ReLU',
  maxPool2d: 'max pool',
  avgPool2d: 'average pool',
  globalAvgPool2d: 'global pool',
  residual: 'add',
};

/** The network as its layers; of the normalization layer that is chosen, what it has learned and collected. */
export function LayerPanel({ lab }: { lab: LabModel }) {
  const layers = lab.run.value?.layers ?? [];
  const statistics = lab.statistics.value;
  const chosen = layers.find(({ key }) => key === statistics?.layer);
  return (
    <section class="layers" aria-labelledby="layers-title">
      <header>
        <h2 id="layers-title">Inside a normalization layer</h2>
        <p>The network, from image to label. Choose a normalization layer to see its values.</p>
      </header>
      <fieldset class="chain">
        <legend class="visually-hidden">Layer</legend>
        {layers.map((layer) => (
          <ChainLink key={layer.key} lab={lab} layer={layer} chosen={layer === chosen} />
        ))}
      </fieldset>
      {chosen && statistics ? (
        <StatisticsTable layer={chosen} name={typeName(chosen)} statistics={statistics} />
      ) : (
        <p class="note">
          {layers.length > 0 ? 'This network has no normalization layer, hence nothing that is collected.' : ''}
        </p>
      )}
    </section>
  );
}

function ChainLink({ lab, layer, chosen }: { lab: LabModel; layer: LayerInfo; chosen: boolean }) {
  const text = (
    <>
      <b>{typeName(layer)}</b> <small>{layer.shape.join('×')}</small>
    </>
  );
  if (!layer.isNorm) return <span class="link">{text}</span>;
  return (
    <label class="link norm">
      <input type="radio" name="layer" checked={chosen} onChange={() => lab.set('layer', layer.key)} />
      {text}
    </label>
  );
}

function typeName({ type }: LayerInfo): string {
  return typeNames[type] ?? type;
}
