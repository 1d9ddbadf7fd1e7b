import temml from 'temml';
import type { Plugin } from 'vite';

interface Node {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

/**
 * Turns each formula tex`\frac{x - ${mu}}{…}` into its MathML while the page is built: a template literal whose holes stay,
 * so that a formula can have numbers of the moment in it. A hole is MathML itself; nothing of LaTeX reaches the page.
 */
export function formulas(): Plugin {
  return {
    name: 'formulas',
    // Behind the compiler: types and JSX are gone by then.
    enforce: 'post',
    transform(code, id) {
      if (!/\btex\s*`/.test(code) || id.includes('/node_modules/')) return;
      const found: { node: Node; quasi: Node; holes: Node[] }[] = [];
      visit(this.parse(code) as unknown as Node, (node) => {
        if (node.type !== 'TaggedTemplateExpression' || (node.tag as { name?: string }).name !== 'tex') return;
        const quasi = node.quasi as Node;
        found.push({ node, quasi, holes: quasi.expressions as Node[] });
      });
      // From the end, so that what is replaced moves nothing that is still to be.
      let text = code;
      for (const { node, quasi, holes } of found.sort((a, b) => b.node.start - a.node.start)) {
        const parts = (quasi.quasis as { value: { raw: string } }[]).map(({ value }) => value.raw);
        const values = holes.map(({ start, end }) => code.slice(start, end));
        text = text.slice(0, node.start) + template(parts, values) + text.slice(node.end);
      }
      return { code: text, map: null };
    },
  };
}

/** Attributes that `base.css` has rules for: policies that forbid inline styles forbid these too. */
const STYLED = / style="(?:display:block math|math-depth:0);"/g;

/** A template literal of the formula's MathML, with an expression in place of each hole. */
function template(parts: string[], values: string[]): string {
  const mark = (hole: number) => `⟨${hole}⟩`;
  const latex = parts.reduce((before, part, i) => `${before}{\\text{${mark(i - 1)}}}${part}`);
  const display = latex.startsWith('\\displaystyle');
  const mathml = temml.renderToString(latex.trim(), { displayMode: display, throwOnError: true }).replace(STYLED, '');
  if (mathml.includes(' style=')) throw new Error(`formula with a style of its own: ${latex}`);
  const literal = mathml.replace(/[\\`]|\$\{/g, '\\$&');
  return `\`${values.reduce((text, value, i) => text.replace(`<mtext>${mark(i)}</mtext>`, () => `\${${value}}`), literal)}\``;
}

function visit(node: unknown, meet: (node: Node) => void): void {
  if (Array.isArray(node)) for (const one of node) visit(one, meet);
  else if (node && typeof node === 'object') {
    if (typeof (node as Node).type === 'string') meet(node as Node);
    for (const value of Object.values(node)) visit(value, meet);
  }
}
