import { Formula } from '../../components/Formula';

interface Props {
  label: string;
  /** Each line in the pieces between which it may break. */
  lines: readonly (readonly string[])[];
}

/** Formulas in lines; where even a piece is wider than the page, they scroll. */
export function FormulaBox({ label, lines }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section class="formulas" tabIndex={0} aria-label={label}>
      {lines.map((pieces, line) => (
        <p key={line}>
          {pieces.map((mathml, piece) => (
            <Formula key={piece} mathml={mathml} />
          ))}
        </p>
      ))}
    </section>
  );
}
