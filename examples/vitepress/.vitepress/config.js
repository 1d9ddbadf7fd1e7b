export default {
  title: 'Notes on normalization',
  head: [['script', { type: 'module', src: '/normlab/normlab-element.js' }]],
  vue: { template: { compilerOptions: { isCustomElement: (tag) => tag === 'norm-lab' } } },
};
