import { useSignal } from '@preact/signals';
import { Component } from 'preact';
import type { ChannelStatistics, LayerInfo, Look } from '../../../worker/protocol';
import type { LayerStatistics } from '../../state/lab';
import { count } from '../../state/status';

/** Of the table, in CSS pixels and rows: enough to know what is in sight. */
const ROW_PX = 18;
const ROWS_IN_SIGHT = 18;
const MARGIN = 8;

interface Column {
  title: string;
  values: Float32Array;
  /** The largest value's distance from zero, which is the longest bar. */
  extent: number;
  signed: boolean;
}

export function StatisticsTable({
  layer,
  name,
  statistics,
  look,
  moving,
}: {
  layer: LayerInfo;
  name: string;
  statistics: LayerStatistics;
  /** The newest, where there is one. */
  look: Look | undefined;
  /** Training is under way. */
  moving: boolean;
}) {
  const { channels, step } = statistics;
  const columns = columnsOf(channels, look?.batch[layer.key]);
  return (
    <>
      <p class="note">{describe(name, layer, channels, step)}</p>
      {columns.length > 0 && <Values layer={layer} columns={columns} moving={moving} />}
    </>
  );
}

function Values({ layer, columns, moving }: { layer: LayerInfo; columns: Column[]; moving: boolean }) {
  const rows = columns[0]?.values.length ?? 0;
  const box = columns.length > 4 ? 'table-box wide' : 'table-box';
  const first = useSignal(0);
  const onScroll = (event: Event) => {
    first.value = Math.floor((event.currentTarget as HTMLElement).scrollTop / ROW_PX);
  };
  const inSight = (row: number) => row > first.value - MARGIN && row < first.value + ROWS_IN_SIGHT + MARGIN;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section class={box} tabIndex={0} aria-label={`Values of layer ${layer.key}`} onScroll={onScroll}>
        <table>
          <thead>
            <tr>
              <th scope="col">channel</th>
              {columns.map(({ title }) => (
                <th key={title} scope="col">
                  {breakable(title)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {Array.from({ length: rows }, (_, row) => (
              <Row key={row} columns={columns} row={row} stale={moving && !inSight(row)} />
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

interface RowProps {
  columns: Column[];
  row: number;
  /** Out of sight while values change many times a second: may show those it had. */
  stale: boolean;
}

class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return !next.stale || next.columns.length !== this.props.columns.length;
  }

  override render({ columns, row }: RowProps) {
    return (
      <tr>
        <th scope="row">{row}</th>
        {columns.map((column) => (
          <Cell key={column.title} column={column} row={row} />
        ))}
      </tr>
    );
  }
}

function Cell({ column, row }: { column: Column; row: number }) {
  const value = column.values[row] as number;
  const length = column.extent > 0 ? Math.abs(value) / column.extent : 0;
  return (
    <td
      class={`${column.signed ? 'signed' : ''} ${value < 0 ? 'negative' : ''}`}
      style={{ '--length': length.toFixed(3) }}
    >
      {fiveDigits(value)}
    </td>
  );
}

/** Statistics of the batch that was looked at stand before the running ones. */
function columnsOf(
  { runningMean, runningVar, weight, bias }: ChannelStatistics,
  batch: Look['batch'][string] | undefined,
): Column[] {
  const given: [string, Float32Array | undefined][] = [
    ['batch_mean', batch?.mean],
    ['running_mean', runningMean],
    ['batch_var', batch?.var],
    ['running_var', runningVar],
    ['weight', weight],
    ['bias', bias],
  ];
  return given.flatMap(([title, values]) =>
    values ? [{ title, values, extent: largest(values), signed: values.some((value) => value < 0) }] : [],
  );
}

/** Lets a name break behind its underscore where columns are narrow. */
function breakable(name: string) {
  const [first, second] = name.split('_');
  return second ? [`${first}_`, <wbr key="break" />, second] : name;
}

/** Four decimals, fewer where there are many digits before the point. */
function fiveDigits(value: number): string {
  const before = Math.max(0, Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.max(0, 4 - before)).replace('-', '−');
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function describe(name: string, layer: LayerInfo, channels: ChannelStatistics, step: number): string {
  const values = layer.shape.slice(1).reduce((product, size) => product * size, 1);
  const perImage = values === 1 ? 'one value' : `${count(values)} values`;
  if (channels.runningMean) {
    return `After step ${count(step)}. In train mode each channel is normalized over ${perImage} per image, times the images of the batch; running_mean and running_var follow those, 10 % a step, and eval mode uses them. Then comes times weight, plus bias.`;
  }
  const learned = [channels.weight && 'one weight', channels.bias && 'one bias'].filter(Boolean).join(' and ');
  const statistics = layer.type === 'rmsNorm' ? 'the root mean square' : 'mean and variance';
  const first = `After step ${count(step)}. ${name} keeps no running statistics: it takes ${statistics} from each image anew, in either mode, hence train mode and eval mode do the same.`;
  if (!learned) return `${first} It learns nothing either: by PyTorch's default it has neither weight nor bias.`;
  if (channels.averaged === 1) return first;
  return `${first} There is ${learned} for each of ${count(channels.averaged)} positions in a channel; shown is their mean.`;
}
