/**
 * What somebody fetches for a figure, and the most bytes that may be, gzipped as servers send it.
 *
 * @type {{ what: string, files: string[], most: number }[]}
 */
export const budgets = [
  ...['relaxed', 'simd'].map((variant) => ({
    what: `a figure, on ${variant} SIMD`,
    files: ['dist/normlab-element.js', `dist/normlab-element/normlab.${variant}.wasm.lzma`],
    most: 110_000,
  })),
  { what: 'a figure of one script', files: ['dist/normlab-element.inline.js'], most: 150_000 },
];
