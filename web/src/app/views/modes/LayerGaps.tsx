import type { BatchComparison, LayerGap, Subject } from '../../../worker/modes-plan';
import { plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { LayerLook } from './LayerLook';
import { figure, firstGap, typeName } from './modes-explain';

interface Props {
  lab: LabModel;
  subject: Subject;
  compared: BatchComparison;
}

/** How far the modes are apart after each layer, from image to label; a layer that is chosen is looked into. */
export function LayerGaps({ lab, subject, compared }: Props) {
  const { layers, former } = compared;
  return (
    <section class="layers" aria-labelledby="gaps-title">
      <header>
        <h2 id="gaps-title">Layer by layer</h2>
        <p>
          How far each layer's output in train mode is from that in eval mode: the root mean square of the difference,
          in units of the output's own standard deviation in eval mode. Choose a layer to look into it.
        </p>
      </header>
      {'failure' in layers ? (
        <p class="refusal">{plainMessage(layers.failure)}. There is no train mode to compare with.</p>
      ) : (
        <Chain lab={lab} subject={subject} layers={layers} former={former} compared={compared} />
      )}
    </section>
  );
}

interface ChainProps extends Props {
  layers: LayerGap[];
  former: number[] | null;
}

function Chain({ lab, layers, former, compared }: ChainProps) {
  const first = firstGap(layers);
  const wished = layers.find(({ key }) => key === lab.config.value.modesLayer);
  const norm = layers.find(({ key }) => compared.values[key]);
  const chosen = wished ?? first ?? norm ?? layers.at(-1);
  const most = Math.max(...layers.map(({ relative }) => finite(relative)), ...(former ?? []).map(finite), 0.1);
  return (
    <>
      <fieldset class="gaps">
        <legend class="visually-hidden">Layer</legend>
        <div class="gap heads" aria-hidden="true">
          <span>layer</span>
          <span />
          <span class="gap-heads">
            <span>differ by</span>
            {former && <span>was</span>}
            <span class="wide">at most</span>
            <span class="wide">cosine</span>
          </span>
        </div>
        {layers.map((layer, i) => {
          const { key, type, shape, relative, maxAbs, cosine } = layer;
          const was = former?.[i];
          return (
            <label key={key} class={layer === first ? 'gap first' : 'gap'}>
              <input
                type="radio"
                name="gap"
                checked={layer === chosen}
                aria-label={`Layer ${key}, ${typeName(type)}`}
                aria-describedby={`gap-${i}`}
                onChange={() => lab.set('modesLayer', key)}
              />
              <span class="gap-name">
                <b>{typeName(type)}</b> <small>{shape.join('×')}</small>
              </span>
              <span class="gap-bar">
                <i style={{ '--share': finite(relative) / most }} />
                {was !== undefined && <i class="was" style={{ '--share': finite(was) / most }} />}
                {layer === first && <em>begins here</em>}
              </span>
              <span class="gap-figures" id={`gap-${i}`}>
                <output>
                  <span class="visually-hidden">difference </span>
                  {figure(relative)}
                </output>
                {was !== undefined && (
                  <output>
                    <span class="visually-hidden">, was </span>
                    {figure(was)}
                  </output>
                )}
                <output class="wide">
                  <span class="visually-hidden">, largest </span>
                  {figure(maxAbs)}
                </output>
                <output class="wide">
                  <span class="visually-hidden">, cosine </span>
                  {Number.isFinite(cosine) ? cosine.toFixed(3) : '–'}
                </output>
              </span>
            </label>
          );
        })}
      </fieldset>
      {chosen && <LayerLook layer={chosen} first={first} compared={compared} />}
    </>
  );
}

const finite = (value: number): number => (Number.isFinite(value) ? value : 0);
