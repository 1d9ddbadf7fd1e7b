import '../../styles/formulas.css';

/** A formula, given as tex`…`, which the build turns into MathML. */
export function Formula({ mathml }: { mathml: string }) {
  return <span class="formula" dangerouslySetInnerHTML={{ __html: mathml }} />;
}

/** A number for a hole of a formula, with brackets if it is negative and `enclosed`; `part` names it for the styles. */
export function mathNumber(text: string, part = '', enclosed = false): string {
  const negative = text.startsWith('−');
  const [mantissa, exponent] = text.replace(/^−/, '').split('e');
  const power = exponent ? `<mo>·</mo><msup><mn>10</mn><mn>${exponent}</mn></msup>` : '';
  const number = `${negative ? '<mo form="prefix">−</mo>' : ''}<mn>${mantissa}</mn>${power}`;
  const brackets = negative && enclosed ? `<mo>(</mo>${number}<mo>)</mo>` : number;
  return `<mrow${part && ` class="part-${part}"`}>${brackets}</mrow>`;
}
