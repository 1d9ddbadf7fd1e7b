import type { ComponentChildren } from 'preact';

interface Row {
  title: string;
  /** Shown before the title. */
  sign?: ComponentChildren;
  cell: (batchSize: number) => ComponentChildren;
}

interface Props {
  label: string;
  batchSizes: readonly number[];
  rows: readonly Row[];
}

/** A column for each batch size, as in the chart. */
export function FigureTable({ label, batchSizes, rows }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section class="table-box figures" tabIndex={0} aria-label={label}>
      <table>
        <thead>
          <tr>
            <th scope="col">batch size</th>
            {batchSizes.map((batchSize) => (
              <th key={batchSize} scope="col">
                {batchSize}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ title, sign, cell }) => (
            <tr key={title}>
              <th scope="row">
                {sign}
                {title}
              </th>
              {batchSizes.map((batchSize) => (
                <td key={batchSize}>{cell(batchSize)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
