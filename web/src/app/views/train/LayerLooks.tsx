import '../../../styles/looks.css';
import type { Moments } from 'normlab';
import type { LayerInfo, Look } from '../../../worker/protocol';
import { brief } from '../../charts/ticks';
import type { LabModel } from '../../state/lab';
import { count } from '../../state/status';
import { HeatMap } from './HeatMap';
import { typeName } from './layer-names';

interface Props {
  lab: LabModel;
  layer: LayerInfo;
  looks: readonly Look[];
}

/** What goes through a layer: outputs, and the gradients with respect to them, as histograms over time. */
export default function LayerLooks({ lab, layer, looks }: Props) {
  const of = ({ layers }: Look) => layers.find(({ key }) => key === layer.key);
  const newest = looks.at(-1) as Look;
  const measured = of(newest);
  if (!measured) return null;
  const { activation, gradient, gradNorm, weightNorm, statistics } = measured;
  return (
    <section class="looks" aria-label={`Measured in layer ${layer.key}`}>
      <h3>
        {typeName(layer)}, layer {layer.key}
      </h3>
      <p class="note">
        In train mode, on {newest.images === 1 ? 'one training image' : `${newest.images} training images`}, always the
        same, after step {count(newest.step)}. Time runs to the right; the stronger the colour, the more values lie
        there.
      </p>
      <div class="look-pair">
        <HeatMap lab={lab} title="Activations" columns={columnsOf(looks, (look) => of(look)?.activation)} />
        {gradient ? (
          <HeatMap lab={lab} title="Gradients" columns={columnsOf(looks, (look) => of(look)?.gradient)} />
        ) : (
          <p class="note">No gradient is computed here: before it there is nothing to train.</p>
        )}
      </div>
      <dl class="look-figures">
        <Spread name="activations" moments={activation} />
        {gradient && <Spread name="gradients" moments={gradient} />}
        <Figure name="gradient norm of its parameters" value={gradNorm} />
        <Figure name="norm of its parameters" value={weightNorm} />
        <Figure name="values behind each mean" value={statistics?.valuesPerStatistic ?? null} text={count} />
        <Figure name="batch mean off the running one, in std" value={statistics?.meanShift ?? null} />
        <Figure name="batch variance against the running one, factor" value={statistics?.varRatio ?? null} />
      </dl>
    </section>
  );
}

export interface Column {
  step: number;
  moments: Moments;
}

function columnsOf(looks: readonly Look[], pick: (look: Look) => Moments | null | undefined): Column[] {
  return looks.flatMap((look) => {
    const moments = pick(look);
    return moments && Number.isFinite(moments.mean) ? [{ step: look.step, moments }] : [];
  });
}

function Spread({ name, moments: { mean, std, min, max, nonfinite } }: { name: string; moments: Moments }) {
  return (
    <div>
      <dt>{name}, mean ± std, from … to</dt>
      <dd>
        {brief(mean)} ± {brief(std)}, {brief(min)} … {brief(max)}
        {nonfinite > 0 && `, ${count(nonfinite)} not finite`}
      </dd>
    </div>
  );
}

interface FigureProps {
  name: string;
  value: number | null;
  text?: (value: number) => string;
}

function Figure({ name, value, text = brief }: FigureProps) {
  if (value === null) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{text(value)}</dd>
    </div>
  );
}
