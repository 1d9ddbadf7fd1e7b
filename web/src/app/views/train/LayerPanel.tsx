import { useComputed } from '@preact/signals';
import type { LayerMeasurement } from 'normlab';
import { useRef } from 'preact/hooks';
import type { LayerInfo } from '../../../worker/protocol';
import { FlagField } from '../../components/FlagField';
import { lazy } from '../../components/lazy';
import { plainMessage } from '../../state/explain';
import { useReader } from '../../state/in-sight';
import type { LabModel } from '../../state/lab';
import { OfArm } from './ArmBadge';
import { typeName } from './layer-names';
import { MiniHistogram } from './MiniHistogram';
import { StatisticsTable } from './StatisticsTable';
import { useLooks } from './use-looks';

/** Not fetched before they are wanted. */
const LayerLooks = lazy(() => import('./LayerLooks'));

/** The network as its layers; of the one that is chosen, what goes through it and what it has learned and collected. */
export function LayerPanel({ lab }: { lab: LabModel }) {
  const { layer: key, watch } = lab.config.value;
  const arm = lab.chosen.value;
  const layers = arm.run.value?.layers ?? [];
  const chosen = layers.find((layer) => layer.key === key) ?? layers.find(({ isNorm }) => isNorm) ?? null;
  const box = useRef<HTMLElement>(null);
  const moving = useComputed(() => lab.chosen.value.progress.value.phase === 'running').value;
  const read = useReader(box, moving);
  const looks = watch ? read(arm.looks.looks) : [];
  const newest = looks.at(-1);
  const statistics = read(arm.statistics);
  const failure = useLooks(lab, watch);
  return (
    <section ref={box} class="layers" aria-labelledby="layers-title">
      <header>
        <h2 id="layers-title">Inside the network</h2>
        <OfArm lab={lab} />
        <p>Its layers, from image to label. Choose one to look into it.</p>
      </header>
      <FlagField lab={lab} name="watch" />
      {failure && <p class="refusal">{plainMessage(failure)}</p>}
      <fieldset class="chain">
        <legend class="visually-hidden">Layer</legend>
        {layers.map((layer, i) => (
          <ChainLink key={layer.key} lab={lab} layer={layer} chosen={layer === chosen} measured={newest?.layers[i]} />
        ))}
      </fieldset>
      {chosen && newest && <LayerLooks lab={lab} layer={chosen} looks={looks} />}
      {chosen && statistics?.layer === chosen.key && (
        <StatisticsTable layer={chosen} name={typeName(chosen)} statistics={statistics} look={newest} moving={moving} />
      )}
      <p class="note">{layers.length > 0 && hint(layers, chosen, watch)}</p>
    </section>
  );
}

function hint(layers: readonly LayerInfo[], chosen: LayerInfo | null, watch: boolean): string {
  if (!layers.some(({ isNorm }) => isNorm)) {
    return 'This network has no normalization layer, hence nothing that is collected.';
  }
  return chosen?.isNorm || watch
    ? ''
    : 'Only normalization layers collect statistics. Of this one, Watch inside shows what goes through it.';
}

interface LinkProps {
  lab: LabModel;
  layer: LayerInfo;
  chosen: boolean;
  measured: LayerMeasurement | undefined;
}

function ChainLink({ lab, layer, chosen, measured }: LinkProps) {
  return (
    <label class={layer.isNorm ? 'link norm' : 'link'}>
      <input type="radio" name="layer" checked={chosen} onChange={() => lab.set('layer', layer.key)} />
      <b>{typeName(layer)}</b> <small>{layer.shape.join('×')}</small>
      {measured && <MiniHistogram counts={measured.activation.histogram.counts} />}
    </label>
  );
}
