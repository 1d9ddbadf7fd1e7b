/** A formula, given as tex`…`, which the build turns into MathML. */
export function Formula({ mathml }: { mathml: string }) {
  return <span class="formula" dangerouslySetInnerHTML={{ __html: mathml }} />;
}

/** A number for a hole of a formula; `part` is the symbol that it stands for, for its colour. */
export function mathNumber(text: string, part = ''): string {
  const digits = /^−?(.*)$/.exec(text)?.[1] ?? text;
  const [mantissa, exponent] = digits.split('e');
  const value = exponent
    ? `<mn>${mantissa}</mn><mo>·</mo><msup><mn>10</mn><mn>${exponent}</mn></msup>`
    : `<mn>${mantissa}</mn>`;
  const sign = digits === text ? '' : '<mo form="prefix">−</mo>';
  return `<mrow${part && ` class="part-${part}"`}>${sign}${value}</mrow>`;
}
