/**
 * A formula in LaTeX, as MathML. The build puts the MathML in its place (web/formulas.ts); a hole is MathML, such as `number`
 * and `symbol` of components/Formula.tsx make.
 */
declare function tex(latex: TemplateStringsArray, ...holes: string[]): string;
