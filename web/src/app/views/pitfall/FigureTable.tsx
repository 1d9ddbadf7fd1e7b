import { brief, percent } from '../../../worker/pitfalls/numbers';
import type { Figure, Outcome } from '../../../worker/pitfalls/pitfall';

/** The figures of the run as it is and with the fix, a row each. */
export function FigureTable({ before, after }: { before: Outcome; after: Outcome | null }) {
  const labels = [...new Set([before, after].flatMap((outcome) => outcome?.figures.map(({ label }) => label) ?? []))];
  const of = (outcome: Outcome | null, label: string) => outcome?.figures.find((figure) => figure.label === label);
  return (
    <table class="comparison" aria-label="Figures">
      <thead>
        <tr>
          <th scope="col">figure</th>
          <th scope="col">as it is</th>
          <th scope="col">with the fix</th>
        </tr>
      </thead>
      <tbody>
        {labels.map((label) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            <Cell figure={of(before, label)} />
            <Cell figure={of(after, label)} />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell({ figure }: { figure: Figure | undefined }) {
  if (!figure) return <td class="empty">–</td>;
  const { value, unit, expected, fine } = figure;
  return (
    <td data-fine={fine}>
      {fine !== undefined && (
        <span class="sign" role="img" aria-label={fine ? 'good' : 'bad'}>
          {fine ? '✓' : '✗'}
        </span>
      )}
      {shown(value, unit)}
      {expected !== undefined && <small>in theory {shown(expected, unit)}</small>}
    </td>
  );
}

export function shown(value: number | string, unit?: string): string {
  if (typeof value === 'string') return value;
  return unit === '%' ? percent(value) : `${brief(value)}${unit ? ` ${unit}` : ''}`;
}
