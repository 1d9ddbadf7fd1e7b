// One wrong formula each, of those that people do write: `from`, which stands exactly once in `file`, becomes `to`, and
// every test in `caught` (a program of tests/c and one of its tests) must fail. mutants.test.js sees to that.

import { data } from './data.js';
import { measuring } from './measuring.js';
import { products } from './products.js';

/** @typedef {{ name: string, file: string, from: string, to: string, caught: string[] }} Mutant */

const SHAPES = 'test_norm_kernels all_shapes';
const EPS = 'test_norm_kernels eps_is_inside_the_root';
const RUNNING = 'test_norm_kernels running_statistics';
const GRADIENTS = 'test_norm_gradients all_shapes';
const FAR = 'test_norm_hard far_from_zero';
const RENORM = 'test_norm_layer batch_renorm';
const RELU = 'test_norm_kernels relu_along';
const TRACKS = 'test_norm_layer batch_norm_tracks';

/** @type {Record<string, Omit<Mutant, 'file'>[]>} */
const byFile = {
  'src/kernels/gradients.h': [
    {
      name: 'a mean far from 0 beside the deviation is not subtracted',
      from: '(mean * mean <= var && var > 1e-9 * eps)',
      to: 'var > 1e-9 * eps',
      caught: [FAR],
    },
    {
      name: 'eps passes for variance',
      from: '1 / (invstd * invstd) - eps',
      to: '1 / (invstd * invstd)',
      caught: [FAR],
    },
    {
      name: 'what rounding leaves of no variance passes for one',
      from: ' && var > 1e-9 * eps',
      to: ' && var > -1',
      caught: ['test_norm_hard constant_rows'],
    },
    {
      name: 'sums of what stands for xhat are not put right',
      from: 'hat.invstd * (dot - hat.mean * sum)',
      to: 'hat.invstd * dot',
      caught: [SHAPES],
    },
    {
      name: 'last lanes left out of the sums of gradients',
      from: 'dots = d4_madd(dots, g, left < 4 ? v4_first(xhat, left) : xhat);',
      to: 'if (left >= 4) dots = d4_madd(dots, g, xhat);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'half of the products of a block',
      from: 'products[k] = v4_mul(a, nl_basis(v4_load(x + 8 * k), at, plain));',
      to: 'products[k] = v4_splat(0);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'last lanes of dx not written',
      from: 'for (; i < n; i += 4) nl_backward_four(',
      to: 'for (; i + 3 < n; i += 4) nl_backward_four(',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward not through the relu',
      from: 'return y ? v4_where_positive(v4_load_left(y, left), dy) : dy;',
      to: 'return y && left < 0 ? dy : dy;',
      caught: [RELU],
    },
  ],
  'src/kernels/moments.h': [
    {
      name: 'eps outside the root',
      from: 'return var + eps == 0 ? 0 : 1 / sqrt(var + eps);',
      to: 'return 1 / (sqrt(var) + eps);',
      caught: [EPS, SHAPES, 'test_norm_gradients eps'],
    },
    {
      name: 'eps dropped',
      from: 'return var + eps == 0 ? 0 : 1 / sqrt(var + eps);',
      to: 'return var == 0 ? 0 : 1 / sqrt(var);',
      caught: [EPS, 'test_norm_gradients eps'],
    },
    {
      name: 'a constant group divides by zero',
      from: 'return var + eps == 0 ? 0 : 1 / sqrt(var + eps);',
      to: 'return 1 / sqrt(var + eps);',
      caught: ['test_norm_hard constant_rows', 'test_norm_errors eps'],
    },
    {
      name: 'E[x²] - E[x]² in float32',
      from: 'double sum = 0, squares = 0, origin = x[0];',
      to: `double sum = 0, squares = 0, origin = x[0];
        float first = 0, second = 0;
        for (int32_t k = 0; k < n; k++) first += x[k], second += x[k] * x[k];
        *mean = first / (float)n;
        *var = (second - first * first / (float)n) / (float)n;
        if (n >= 0) return;`,
      caught: [FAR],
    },
    {
      name: 'E[x²] - E[x]² in float64',
      from: 'double sum = 0, squares = 0, origin = x[0];',
      to: `double sum = 0, squares = 0, origin = 0;
        nl_add_moments_wide(&sum, &squares, x, 0, n);
        *mean = sum / n;
        *var = nl_variance(sum, squares, n);
        if (n >= 0) return;`,
      caught: [FAR, 'test_norm_hard constant_rows'],
    },
    {
      name: 'squares about the origin, not the mean',
      from: '(squares - sum * sum / n) / n',
      to: 'squares / n',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'float32 moments about an origin far away',
      from: 'return sum * sum <= var * n * n && var > 1e-28 && var < 1e34;',
      to: 'return var > 1e-28 && var < 1e34;',
      caught: ['test_norm_hard first_value_far_away'],
    },
    {
      name: 'float32 moments of squares that vanish',
      from: 'return sum * sum <= var * n * n && var > 1e-28 && var < 1e34;',
      to: 'return sum * sum <= var * n * n && var < 1e34;',
      caught: ['test_norm_hard small_and_large'],
    },
    {
      name: 'float32 moments of squares that overflow',
      from: 'return sum * sum <= var * n * n && var > 1e-28 && var < 1e34;',
      to: 'return sum * sum <= var * n * n && var > 1e-28;',
      caught: ['test_norm_hard small_and_large'],
    },
    {
      name: 'float32 mean squares that vanish',
      from: 'if (squares > 1e-28 * n && squares < 1e34 * n) return',
      to: 'if (squares < 1e34 * n) return',
      caught: ['test_norm_hard small_and_large'],
    },
    {
      name: 'float32 mean squares that overflow',
      from: 'if (squares > 1e-28 * n && squares < 1e34 * n) return',
      to: 'if (squares > 1e-28 * n) return',
      caught: ['test_norm_hard small_and_large'],
    },
    {
      name: 'mean without the origin of its moments',
      from: '*mean = about + sum / n;',
      to: '*mean = sum / n;',
      caught: [SHAPES, FAR],
    },
    {
      name: 'half of the squares of a block',
      from: 'products[k] = v4_madd(b, b, v4_mul(a, a));',
      to: 'products[k] = v4_mul(b, b);',
      caught: [SHAPES],
    },
    {
      name: 'a mean in float32',
      from: 'const double low = mean == high ? 0 : (high - mean) * scale;',
      to: 'const double low = 0 * scale;',
      caught: [FAR],
    },
    {
      name: 'the rest of the mean added, not subtracted',
      from: '(high - mean) * scale',
      to: '(mean - high) * scale',
      caught: [FAR],
    },
    {
      name: 'one of the last values left out of the moments',
      from: 'for (; i < n; i++, x++) {',
      to: 'for (; i + 1 < n; i++, x++) {',
      caught: [SHAPES],
    },
    {
      name: 'one of the last values left out of few',
      from: `  for (; i < n; i++) {
    const double d`,
      to: `  for (; i + 1 < n; i++) {
    const double d`,
      caught: [SHAPES],
    },
    {
      name: 'last lanes of y not written',
      from: 'for (; i < n; i += 4, x += 4, y += 4) v4_store_left(y,',
      to: 'for (; i + 3 < n; i += 4, x += 4, y += 4) v4_store_left(y,',
      caught: [SHAPES],
    },
    {
      name: 'relu not computed along',
      from: 'return relu ? v4_at_least(y, v4_splat(0)) : y;',
      to: 'return relu ? y : y;',
      caught: [RELU],
    },
  ],

  'src/kernels/batchnorm.c': [
    {
      name: 'biased variance for unbiased in running_var',
      from: 'unbiased ? var[j] * count / (count - 1) : var[j]',
      to: 'unbiased ? var[j] : var[j]',
      caught: [RUNNING, TRACKS, 'test_norm_layer tracking_by_hand'],
    },
    {
      name: 'unbiased variance for biased in running_var',
      from: 'unbiased ? var[j] * count / (count - 1) : var[j]',
      to: 'unbiased || true ? var[j] * count / (count - 1) : var[j]',
      caught: [RUNNING, TRACKS, 'test_norm_layer tracking_by_hand'],
    },
    {
      name: 'momentum flipped',
      from: '(float)((1 - momentum) * running_mean[j] + momentum * mean[j])',
      to: '(float)(momentum * running_mean[j] + (1 - momentum) * mean[j])',
      caught: [RUNNING, TRACKS],
    },
    {
      name: 'momentum not applied to running_var',
      from: '(float)((1 - momentum) * running_var[j] + momentum * target)',
      to: '(float)target',
      caught: [RUNNING, TRACKS],
    },
    {
      name: 'r upside down',
      from: 'clipped(sqrt(var[k] + eps) * invstd,',
      to: 'clipped(1 / (sqrt(var[k] + eps) * invstd),',
      caught: [RENORM],
    },
    {
      name: 'r not limited from below',
      from: '1 / to->r_max, to->r_max);',
      to: '0, to->r_max);',
      caught: [RENORM, 'test_norm_layer batch_renorm_is_batch_norm'],
    },
    {
      name: 'd not limited from below',
      from: '* invstd, -to->d_max, to->d_max);',
      to: '* invstd, -INFINITY, to->d_max);',
      caught: [RENORM, 'test_norm_layer batch_renorm_is_batch_norm'],
    },
    {
      name: 'd in deviations of the batch',
      from: 'clipped((mean[k] - to->running_mean[k]) * invstd,',
      to: 'clipped((mean[k] - to->running_mean[k]) / sqrt(var[k] + eps),',
      caught: [RENORM],
    },
    {
      name: 'd not multiplied by the weight',
      from: '(bias ? bias[k] : 0) + scale * to->d[k]',
      to: '(bias ? bias[k] : 0) + to->d[k]',
      caught: [RENORM],
    },
    {
      name: 'renormalized by statistics that have moved',
      from: 'if (renorm) renormalize(renorm, mean, invstd, weight, bias, j, width, eps);\n    track_and_invert(',
      to: `double vars[MOST_CHANNELS];
    for (int32_t k = 0; k < width; k++) vars[k] = invstd[j + k];
    if (renorm) track_and_invert(vars, running_mean ? running_mean + j : NULL, running_mean ? running_var + j : NULL,
                                 mean + j, count, width, eps, momentum, unbiased);
    if (renorm) renormalize(renorm, mean, invstd, weight, bias, j, width, eps);
    if (renorm) running_mean = NULL;
    track_and_invert(`,
      caught: [RENORM],
    },
    {
      name: 'limits turn NaN into a number',
      from: 'return value < low ? low : value > high ? high : value;',
      to: 'return fmin(fmax(value, low), high);',
      caught: ['test_norm_layer batch_renorm_of_nan'],
    },
    {
      name: "d left out of the weight's gradient",
      from: ' + renorm->d[j] * sum[j]',
      to: '',
      caught: [RENORM],
    },
    {
      name: "r left out of the weight's gradient",
      from: 'renorm->r[j] * dot[j]',
      to: 'dot[j]',
      caught: [RENORM],
    },
    {
      name: 'unbiased variance normalizes',
      from: 'var[j] = nl_invstd(var[j], eps);',
      to: 'var[j] = nl_invstd(var[j] * count / (count - 1), eps);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'mean over one sample too few',
      from: 'mean[j] = origin[j] + sum[j] / count;',
      to: 'mean[j] = origin[j] + sum[j] / (count - s);',
      caught: [SHAPES],
    },
    {
      name: 'mean over one sample too few, by columns',
      from: 'mean[k] = x[k] + d4_get(sum, k) / n;',
      to: 'mean[k] = x[k] + d4_get(sum, k) / (n - 1);',
      caught: [SHAPES],
    },
    {
      name: 'mean without the origin of its moments',
      from: '*mean = x[0] + sum / ((double)n * s);',
      to: '*mean = sum / ((double)n * s);',
      caught: [SHAPES, FAR],
    },
    {
      name: 'float32 moments whatever the data',
      from: 'if (!fast || !nl_moments_hold(sum[j], var[j], count))',
      to: 'if (!fast)',
      caught: ['test_norm_hard first_value_far_away'],
    },
    {
      name: 'a block of channels with the values of the first',
      from: 'const float *xj = x + (size_t)j * s;',
      to: 'const float *xj = x;',
      caught: [SHAPES],
    },
    {
      name: 'a block of channels with the weights of the first',
      from: 'const float *values, size_t at) { return values ? values + at : NULL; }',
      to: 'const float *values, size_t at) { return values ? values + at * 0 : NULL; }',
      caught: [SHAPES],
    },
    {
      name: 'eps outside the root in eval mode',
      from: '1 / sqrt(running_var[j] + eps)',
      to: '1 / (sqrt(running_var[j]) + eps)',
      caught: [EPS],
    },
    {
      name: 'backward without the mean term',
      from: 'share * dot, share * sum}',
      to: 'share * dot, 0 * sum}',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward without the variance term',
      from: 'share * dot, share * sum}',
      to: '0 * dot, share * sum}',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward with the unbiased count',
      from: 'batch_stats ? -scale / count : 0',
      to: 'batch_stats ? -scale / (count - 1) : 0',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: "training's formula where statistics are given",
      from: 'batch_stats ? -scale / count : 0',
      to: 'batch_stats || true ? -scale / count : 0',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dx without weight',
      from: 'const double scale = invstd * weight,',
      to: 'const double scale = weight ? invstd : invstd,',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dweight without invstd',
      from: 'dweight[j] = (float)dot[j];',
      to: 'dweight[j] = (float)(dot[j] / invstd[j]);',
      caught: [SHAPES, GRADIENTS],
    },
  ],

  'src/net/layers/batchnorm.c': [
    {
      name: "BatchNorm's backward for BatchRenorm",
      from: 'if (norm->renormalizes && norm->batch_stats)',
      to: 'if (norm->renormalizes && !norm->batch_stats)',
      caught: [RENORM],
    },
    {
      name: "training's formula in eval mode's backward",
      from: 'norm->eps, norm->batch_stats);',
      to: 'norm->eps, true);',
      caught: ['test_norm_layer batch_norm_modes', 'test_model gradients'],
    },
    {
      name: "eval mode's formula in training's backward",
      from: 'norm->eps, norm->batch_stats);',
      to: 'norm->eps, false);',
      caught: ['test_norm_layer batch_norm_modes', 'test_model gradients'],
    },
    {
      name: 'batch statistics in eval mode',
      from: 'return (mode != NL_EVAL && !norm->frozen) || !norm->track;',
      to: 'return !norm->frozen || !norm->track;',
      caught: ['test_norm_layer batch_norm_modes'],
    },
    {
      name: 'probing moves running statistics',
      from: 'const bool update = mode == NL_TRAIN && norm->track && !norm->frozen;',
      to: 'const bool update = mode != NL_EVAL && norm->track && !norm->frozen;',
      caught: ['test_norm_layer batch_norm_modes', 'test_model only_training_updates'],
    },
    {
      name: 'cumulative average off by one',
      from: '1 / norm->batches_tracked :',
      to: '1 / (norm->batches_tracked + 1) :',
      caught: [TRACKS, 'test_norm_layer batches_tracked_can_be_set'],
    },
    {
      name: 'num_batches_tracked not counted',
      from: 'if (update) norm->batches_tracked++;',
      to: '',
      caught: [TRACKS, 'test_norm_layer no_samples', 'test_model only_training_updates'],
    },
  ],

  'src/kernels/layernorm.c': [
    {
      name: 'unbiased variance normalizes',
      from: 'nl_moments(&mean[i], &var, x, l);',
      to: 'nl_moments(&mean[i], &var, x, l), var *= l / (l - 1.0);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'bias left out',
      from: 'v4_madd(xhat, v4_load(weight + j), v4_load(bias + j))',
      to: 'v4_mul(xhat, v4_load(weight + j))',
      caught: [SHAPES],
    },
    {
      name: 'bias for weight where the other is not there',
      from: 'load_or(bias, j, l - j, 0)',
      to: 'load_or(bias, j, l - j, 1)',
      caught: [SHAPES],
    },
  ],

  'src/kernels/rows.c': [
    {
      name: 'backward without the mean term',
      from: 'v4_splat(mean ? (float)(-invstd * sum / l) : 0)',
      to: 'v4_splat(mean ? (float)(0 * sum) : 0)',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'a mean term where none was subtracted',
      from: 'v4_splat(mean ? (float)(-invstd * sum / l) : 0)',
      to: 'v4_splat((float)(-invstd * sum / l))',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward without the variance term',
      from: 'v4_splat((float)(-invstd * dot / l))',
      to: 'v4_splat((float)(0 * dot))',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward with the unbiased count',
      from: 'v4_splat((float)(-invstd * dot / l))',
      to: 'v4_splat((float)(-invstd * dot / (l - 1.0)))',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dx without weight',
      from: 'v4_madd(v4_mul(g, weight), at.hat.scale',
      to: 'v4_madd(g, at.hat.scale',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'sums of a row without weight',
      from: `      if (weight) g = v4_mul(g, v4_load(weight + at));
`,
      to: '',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'sums of the last values without weight',
      from: `    if (weight) g = v4_mul(g, v4_load_left(weight + j, l - j));
`,
      to: '',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dweight of x, not of xhat',
      from: 'v4_madd(g, xhat, v4_load(some))',
      to: 'v4_madd(g, v4_load_left(x, left), v4_load(some))',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'the last rows left out of dweight and dbias',
      from: '(i % ROWS == ROWS - 1 || i == m - 1)',
      to: 'i % ROWS == ROWS - 1',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'rows added twice',
      from: `    v4_store(some, v4_splat(0));
`,
      to: '',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'last values of rows added twice',
      from: `    some[k] = some[4 + k] = 0;
`,
      to: '',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'sums that begin where the last call left them',
      from: 'params && j < NL_ROWS_WORK(l)',
      to: 'false && j < NL_ROWS_WORK(l)',
      caught: ['test_norm_kernels outputs_may_be_left_out'],
    },
  ],

  'src/kernels/groupnorm.c': [
    {
      name: 'backward without the mean term',
      from: 'share * dot, share * sum)',
      to: 'share * dot, 0 * sum)',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward without the variance term',
      from: 'share * dot, share * sum)',
      to: '0 * dot, share * sum)',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'weight of a wrong channel',
      from: 'int32_t channel = row % g * per_group + k;',
      to: 'int32_t channel = row % g + k;',
      caught: [SHAPES],
    },
    {
      name: 'backward with the weight of a wrong channel',
      from: 'const int32_t first = row % g * per_group;',
      to: 'const int32_t first = row % g;',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'sums of gradients without weight',
      from: 'scale = weight ? weight[first + k] : 1;',
      to: 'scale = 1;',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dweight without invstd',
      from: 'weight_sum[first + k] += q;',
      to: 'weight_sum[first + k] += q / invstd[row];',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dweight of the last sample alone',
      from: 'weight_sum[first + k] += q;',
      to: 'weight_sum[first + k] = q;',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: "mean with one channel's count",
      from: 'nl_moments(&mean[row], &var, x + at, count);',
      to: 'nl_moments(&mean[row], &var, x + at, count), mean[row] *= (double)count / s;',
      caught: [SHAPES],
    },
    {
      name: 'unbiased variance normalizes',
      from: 'nl_moments(&mean[row], &var, x + at, count);',
      to: 'nl_moments(&mean[row], &var, x + at, count), var *= count / (count - 1.0);',
      caught: [SHAPES, GRADIENTS],
    },
  ],

  'src/kernels/instancenorm.c': [
    {
      name: 'running_var summed over samples, not averaged',
      from: 'momentum * (variances / n)',
      to: 'momentum * variances',
      caught: [RUNNING, 'test_norm_layer instance_norm_tracks'],
    },
    {
      name: 'running_var of biased variances',
      from: 'const double unbiased = s / (s - 1.0);',
      to: 'const double unbiased = s > 0;',
      caught: [RUNNING, 'test_norm_layer instance_norm_tracks', 'test_norm_layer tracking_by_hand'],
    },
    {
      name: 'momentum flipped',
      from: '(1 - momentum) * running_mean[j] + momentum * (means / n)',
      to: 'momentum * running_mean[j] + (1 - momentum) * (means / n)',
      caught: [RUNNING, 'test_norm_layer instance_norm_tracks'],
    },
    {
      name: 'unbiased variance normalizes',
      from: 'nl_moments(&mean[plane], &var[plane], x + at, s);',
      to: 'nl_moments(&mean[plane], &var[plane], x + at, s), var[plane] *= s / (s - 1.0);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'weight of a wrong channel',
      from: 'const int32_t j = plane % c;',
      to: 'const int32_t j = plane / n;',
      caught: [SHAPES],
    },
    {
      name: 'backward over all channels together',
      from: 's, c, eps);',
      to: 's, 1, eps);',
      caught: [SHAPES, GRADIENTS],
    },
  ],

  'src/net/layers/instancenorm.c': [
    {
      name: "training's formula in eval mode's backward",
      from: 'norm->eps, false);',
      to: 'norm->eps, true);',
      caught: ['test_norm_layer instance_norm_modes'],
    },
    {
      name: 'batches counted, which PyTorch does not',
      from: 'const bool update = mode == NL_TRAIN && norm->track;',
      to: 'const bool update = mode == NL_TRAIN && norm->track;\n  norm->batches_tracked += update;',
      caught: ['test_norm_layer instance_norm_tracks', 'test_norm_layer no_samples'],
    },
  ],

  'src/kernels/rmsnorm.c': [
    {
      name: 'standard deviation for root mean square',
      from: 'nl_mean_square(x, l), eps);',
      to: 'nl_mean_square(x, l) - nl_sum(x, l) / l * (nl_sum(x, l) / l), eps);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'sum of squares for their mean',
      from: 'nl_mean_square(x, l), eps);',
      to: 'nl_mean_square(x, l) * l, eps);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'weight left out of the last values',
      from: 'weight ? v4_mul(xhat, v4_load_n(weight + j, l - j)) : xhat',
      to: 'weight ? xhat : xhat',
      caught: [SHAPES],
    },
  ],

  'src/kernels/dropout.c': [
    {
      name: 'p kept, not dropped',
      from: 'drawn >= least ? scale : 0',
      to: 'drawn < least ? scale : 0',
      caught: ['test_dropout share_and_scale'],
    },
    {
      name: 'what is kept is not scaled',
      from: '(float)(1 / (1 - mask->p))',
      to: '1',
      caught: ['test_dropout share_and_scale'],
    },
    {
      name: 'half of the key',
      from: ' ^ second);',
      to: ' ^ (second & 0));',
      caught: ['test_dropout masks_are_independent'],
    },
    {
      name: 'p = 1 keeps all',
      from: 'const float scale = none ? 0 : ',
      to: 'const float scale = none ? 1 : ',
      caught: ['test_dropout nothing_and_all', 'test_dropout refused'],
    },
  ],

  'src/net/layers/conv2d.c': [
    {
      name: 'weights as they are, standardization or not',
      from: 'weight = node->standard;\n',
      to: ';\n',
      caught: ['test_model standardized_weights'],
    },
    {
      name: 'all filters standardized together',
      from: '                                node->features, row_of(node), EPS, false));',
      to: '                                1, node->features * row_of(node), EPS, false));',
      caught: ['test_model standardized_weights'],
    },
    {
      name: 'gradient of the standardized weights for that of the weights',
      from: 'if (!node->standardizes || !pass->dweight) return NL_OK;',
      to: 'if (pass->n >= 0 || !pass->dweight) return NL_OK;',
      caught: ['test_model standardized_weights'],
    },
    {
      name: 'inputs have gradients of weights as they are',
      from: 'node->standardizes ? node->standard : weight, node->work',
      to: 'weight, node->work',
      caught: ['test_model standardized_weights'],
    },
    {
      name: "the paper's eps left out",
      from: 'EPS = 1e-5;',
      to: 'EPS = 0;',
      caught: ['test_model standardized_weights'],
    },
  ],

  'src/net/layers/dropout.c': [
    {
      name: 'all layers drop the same',
      from: 'first + (uint64_t)(node - node->model->nodes)',
      to: 'first',
      caught: ['test_dropout seed_layer_and_pass'],
    },
    {
      name: 'all passes drop the same',
      from: 'low, node->model->passes);',
      to: 'low, 0);',
      caught: ['test_dropout seed_layer_and_pass', 'test_dropout passes_follow_the_count'],
    },
    {
      name: 'all seeds drop the same',
      from: 'nl_rng_make(node->model->seed,',
      to: 'nl_rng_make(0,',
      caught: ['test_dropout seed_layer_and_pass'],
    },
    {
      name: 'another mask on the way back',
      from: 'return nl_dropout(pass->dx, pass->dy, &node->mask,',
      to: 'node->mask = draw(node);\n  return nl_dropout(pass->dx, pass->dy, &node->mask,',
      caught: ['test_dropout passes_follow_the_count'],
    },
    {
      name: 'dropped in eval mode too',
      from: 'mode == NL_EVAL ? (nl_dropout_mask){.p = 0} : draw(node)',
      to: 'draw(node)',
      caught: ['test_dropout passes_follow_the_count'],
    },
  ],

  'src/net/trainer.c': [
    {
      name: 'shards all drop the same',
      from: 'if (mode == NL_PROBE) model->passes++;',
      to: '',
      caught: ['test_dropout parts_are_passes'],
    },
  ],

  'src/net/dataset.c': [
    {
      name: 'all batches of an evaluation drop the same',
      from: '    model->passes++;\n',
      to: '',
      caught: ['test_dropout evaluation_is_not_counted'],
    },
    {
      name: 'an evaluation is counted',
      from: 'model->passes = passes;',
      to: '',
      caught: ['test_dropout evaluation_is_not_counted'],
    },
  ],

  'src/net/layers/rmsnorm.c': [
    {
      name: "LayerNorm's default eps",
      from: 'isnan(rest[0]) ? 0x1p-23 : rest[0]',
      to: 'isnan(rest[0]) ? 1e-5 : rest[0]',
      caught: ['test_norm_layer rms_eps', 'test_norm_layer trailing_shapes'],
    },
  ],
};

/** @type {Mutant[]} */
export const mutants = [byFile, products, measuring, data]
  .flatMap((part) => Object.entries(part))
  .flatMap(([file, list]) => list.map((mutant) => ({ file, ...mutant })));
