import type { ComponentChildren } from 'preact';

interface Row {
  title: string;
  cells: readonly string[];
  /** The one that is looked at. */
  here?: boolean;
}

interface Props {
  label: string;
  head: readonly ComponentChildren[];
  rows: readonly Row[];
}

/** Figures in rows; wider than the page it scrolls in itself. */
export function ValueTable({ label, head, rows }: Props) {
  const [first, ...others] = head;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section class="table-box lens-table" tabIndex={0} aria-label={label} style={{ '--columns': others.length }}>
      <table>
        <thead>
          <tr>
            <th scope="col">{first}</th>
            {others.map((title, i) => (
              <th key={i} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ title, cells, here }) => (
            <tr key={title} class={here ? 'here' : undefined}>
              <th scope="row">{title}</th>
              {cells.map((cell, i) => (
                <td key={i}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
