// As in mutants.js, of what a measured step shows.

/** @typedef {import('./mutants.js').Mutant} Mutant */

const FIGURES = ['test_measure figures'];
const NOT_FINITE = ['test_measure values_that_are_not_finite'];

/** @type {Record<string, Omit<Mutant, 'file'>[]>} */
export const measuring = {
  'src/kernels/figures.c': [
    {
      name: 'variance about the first value',
      from: 'squares / count - shift * shift',
      to: 'squares / count',
      caught: FIGURES,
    },
    { name: 'mean without the first value', from: 'first + shift;', to: 'shift;', caught: FIGURES },
    {
      name: 'values that are not finite uncounted',
      from: 'moments[NL_NONFINITE] = values.size - count;',
      to: 'moments[NL_NONFINITE] = 0;',
      caught: NOT_FINITE,
    },
    {
      name: 'moments over what is not finite',
      from: 'const double count = (double)finite,',
      to: 'const double count = values.size,',
      caught: NOT_FINITE,
    },
    {
      name: 'a gradient past its relu',
      from: 'if (!of.gate) return',
      to: 'if (true) return',
      caught: FIGURES,
    },
    {
      name: 'the largest value in no bin',
      from: 'counts[bin < bins ? bin : bins - 1]++;',
      to: 'if (bin < bins) counts[bin]++;',
      caught: FIGURES,
    },
  ],

  'src/net/measure.c': [
    {
      name: 'outputs that were computed along left as they were',
      from: 'if (node->joined != i)',
      to: 'if (false)',
      caught: FIGURES,
    },
    {
      name: 'running statistics of after the step',
      from: '    a[i] = b[i];\n    b[i] = kept;',
      to: '    b[i] = kept + (b[i] - a[i]);',
      caught: FIGURES,
    },
    { name: 'variance without eps', from: 'var[channel] + norm->eps;', to: 'var[channel];', caught: FIGURES },
    {
      name: 'channels of the first sample for all instances',
      from: 'norm->mean[i] - (double)mean[channel]',
      to: 'norm->mean[channel] - (double)mean[channel]',
      caught: FIGURES,
    },
    {
      name: 'ratio of standard deviations',
      from: 'logs += fabs(nl_log(variance * norm->invstd[i] * norm->invstd[i]));',
      to: 'logs += fabs(nl_log(sqrt(variance) * norm->invstd[i]));',
      caught: FIGURES,
    },
    { name: 'ratios that cancel', from: 'logs += fabs(nl_log(', to: 'logs += (nl_log(', caught: FIGURES },
    {
      name: 'statistics of the batch where a BatchNorm is frozen',
      from: ' && norm->batch_stats) measure_distance',
      to: ') measure_distance',
      caught: ['test_measure frozen'],
    },
    {
      name: 'the gradient of a view untold',
      from: 'if (model->nodes[j].root != i) continue;',
      to: 'continue;',
      caught: FIGURES,
    },
    {
      name: 'a gradient that nobody computed',
      from: 'if (node->root > 0 && from->has_gradient) {',
      to: 'if (node->root > 0) {',
      caught: FIGURES,
    },
    {
      name: 'weights alone in the norms',
      from: 'for (int j = 0; j < 2; j++) {',
      to: 'for (int j = 0; j < 1; j++) {',
      caught: FIGURES,
    },
  ],

  'src/net/layers/groupnorm.c': [
    {
      name: 'values per statistic of all channels',
      from: 'return s * (norm->features / norm->groups);',
      to: 'return s * norm->features;',
      caught: FIGURES,
    },
  ],
};
