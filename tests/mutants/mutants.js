// One wrong formula each, of those that people do write: `from`, which stands exactly once in `file`, becomes `to`, and
// every test in `caught` (a program of tests/c and one of its tests) must fail. mutants.test.js sees to that.

/** @typedef {{ name: string, file: string, from: string, to: string, caught: string[] }} Mutant */

const SHAPES = 'test_norm_kernels all_shapes';
const EPS = 'test_norm_kernels eps_is_inside_the_root';
const RUNNING = 'test_norm_kernels running_statistics';
const GRADIENTS = 'test_norm_gradients all_shapes';
const FAR = 'test_norm_hard far_from_zero';
const TRACKS = 'test_norm_layer batch_norm_tracks';

/** @type {Record<string, Omit<Mutant, 'file'>[]>} */
const byFile = {
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
      from: 'nl_add_moments(&sum, &squares, x, x[0], n);',
      to: `float first = 0, second = 0;
        for (int32_t k = 0; k < n; k++) first += x[k], second += x[k] * x[k];
        *mean = first / (float)n;
        *var = (second - first * first / (float)n) / (float)n;
        if (n >= 0) return;`,
      caught: [FAR],
    },
    {
      name: 'E[x²] - E[x]² in float64',
      from: 'nl_add_moments(&sum, &squares, x, x[0], n);',
      to: `nl_add_moments(&sum, &squares, x, 0, n);
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
      name: 'a sum in float32',
      from: '*sum += d4_sum(sums[0]) + d4_sum(sums[1]) + left;',
      to: '*sum = (float)(*sum + d4_sum(sums[0]) + d4_sum(sums[1]) + left);',
      caught: [SHAPES],
    },
    {
      name: 'a mean in float32',
      from: 'v4_splat((float)(mean - (double)high))',
      to: 'v4_splat(0)',
      caught: [FAR],
    },
    {
      name: 'one of the last values left out of the moments',
      from: 'for (; i < n; i++) {',
      to: 'for (; i + 1 < n; i++) {',
      caught: [SHAPES],
    },
    {
      name: 'last lanes of y not written',
      from: 'if (i < n) v4_store_n(y + i, v4_madd(nl_centered(v4_load_n(x + i, n - i), mean), a, b), n - i);',
      to: '',
      caught: [SHAPES],
    },
    {
      name: 'last lanes left out of the sums of gradients',
      from: 'dots = d4_madd(dots, g, n - i < 4 ? v4_first(xhat, n - i) : xhat);',
      to: 'if (n - i >= 4) dots = d4_madd(dots, g, xhat);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'last lanes of dx not written',
      from: 'v4_store_n(dx + i, v4_madd(v4_load_n(dy + i, n - i), va, v4_madd(xhat, vb, vc)), n - i);',
      to: '(void)xhat;',
      caught: [SHAPES, GRADIENTS],
    },
  ],

  'src/kernels/batchnorm.c': [
    {
      name: 'biased variance for unbiased in running_var',
      from: 'unbiased ? var * count / (count - 1) : var',
      to: 'unbiased ? var : var',
      caught: [RUNNING, TRACKS, 'test_norm_layer tracking_by_hand'],
    },
    {
      name: 'unbiased variance for biased in running_var',
      from: 'unbiased ? var * count / (count - 1) : var',
      to: 'unbiased || true ? var * count / (count - 1) : var',
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
      name: 'unbiased variance normalizes',
      from: 'invstd[j] = nl_invstd(var, eps);',
      to: 'invstd[j] = nl_invstd(var * count / (count - 1), eps);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'mean over one sample too few',
      from: 'mean[j] = x[(size_t)j * s] + mean[j] / count;',
      to: 'mean[j] = x[(size_t)j * s] + mean[j] / (count - s);',
      caught: [SHAPES],
    },
    {
      name: 'a mean in float32, by columns',
      from: 'low[j] = (float)(mean[j] - (double)high[j]);',
      to: 'low[j] = 0;',
      caught: [FAR],
    },
    {
      name: 'eps outside the root in eval mode',
      from: '1 / sqrt(running_var[j] + eps)',
      to: '1 / (sqrt(running_var[j]) + eps)',
      caught: [EPS],
    },
    {
      name: 'backward without the mean term',
      from: 'f.c[k] = (float)(-scale * sum[k] / count);',
      to: 'f.c[k] = 0;',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward without the variance term',
      from: 'f.b[k] = (float)(-scale * dot[k] / count);',
      to: 'f.b[k] = 0;',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward with the unbiased count',
      from: 'f.b[k] = (float)(-scale * dot[k] / count);',
      to: 'f.b[k] = (float)(-scale * dot[k] / (count - 1));',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dx without weight',
      from: 'const double scale = invstd[k] * (weight ? weight[k] : 1);',
      to: 'const double scale = weight ? invstd[k] : invstd[k];',
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
      name: "training's formula in eval mode's backward",
      from: 'e.s, norm->batch_stats);',
      to: 'e.s, true);',
      caught: ['test_norm_layer batch_norm_modes', 'test_model gradients'],
    },
    {
      name: "eval mode's formula in training's backward",
      from: 'e.s, norm->batch_stats);',
      to: 'e.s, false);',
      caught: ['test_norm_layer batch_norm_modes', 'test_model gradients'],
    },
    {
      name: 'batch statistics in eval mode',
      from: 'return mode != NL_EVAL || !norm->track;',
      to: 'return true;',
      caught: ['test_norm_layer batch_norm_modes'],
    },
    {
      name: 'probing moves running statistics',
      from: 'const bool update = mode == NL_TRAIN && norm->track;',
      to: 'const bool update = mode != NL_EVAL && norm->track;',
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
      name: 'backward without the mean term',
      from: 'const float c = (float)(-invstd[i] * sum / l);',
      to: 'const float c = sum != sum;',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward without the variance term',
      from: 'const float b = (float)(-invstd[i] * dot / l);',
      to: 'const float b = dot != dot;',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward with the count of rows',
      from: '-invstd[i] * sum / l',
      to: '-invstd[i] * sum / m',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dx without weight',
      from: `const v4 g = v4_mul(v4_load(dy + j), v4_load(weight + j));
    const v4 xhat`,
      to: `const v4 g = v4_load(dy + j);
    const v4 xhat`,
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dweight without invstd',
      from: 'v4_mul(nl_centered(v4_load(x + at), center[r]), scale[r])',
      to: 'nl_centered(v4_load(x + at), center[r])',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'unbiased variance normalizes',
      from: 'nl_moments(&mean[i], &var, x, l);',
      to: 'nl_moments(&mean[i], &var, x, l), var *= l / (l - 1.0);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'last values left out of dweight and dbias',
      from: `for (; j < l; j++)
    for (int32_t r`,
      to: `for (; j < 0; j++)
    for (int32_t r`,
      caught: [SHAPES, GRADIENTS],
    },
  ],

  'src/kernels/groupnorm.c': [
    {
      name: 'backward without the mean term',
      from: 'float shift = (float)(-invstd[row] * sum / count);',
      to: 'float shift = sum != sum;',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward without the variance term',
      from: 'float b = (float)(-invstd[row] * dot / count);',
      to: 'float b = dot != dot;',
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
      from: 'work, n, c, s, c);',
      to: 'work, n, c, s, 1);',
      caught: [SHAPES, GRADIENTS],
    },
  ],

  'src/net/layers/instancenorm.c': [
    {
      name: "training's formula in eval mode's backward",
      from: 'e.s, false);',
      to: 'e.s, true);',
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
      name: 'mean subtracted',
      from: 'v4_mul(v4_load_left(x + j, l - j), scale), weight',
      to: 'v4_mul(nl_centered(v4_load_left(x + j, l - j), nl_center_at(nl_sum(x, l) / l)), scale), weight',
      caught: [SHAPES],
    },
    {
      name: 'standard deviation for root mean square',
      from: 'nl_sum_of_squares(x, l) / l',
      to: 'nl_sum_of_squares(x, l) / l - nl_sum(x, l) / l * (nl_sum(x, l) / l)',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'sum of squares for their mean',
      from: 'nl_sum_of_squares(x, l) / l',
      to: 'nl_sum_of_squares(x, l)',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward without the variance term',
      from: 'v4_splat((float)(-invstd[i] * (invstd[i] * d4_sum(dots)) / l))',
      to: 'v4_splat(0)',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'backward without the count',
      from: '(invstd[i] * d4_sum(dots)) / l)',
      to: '(invstd[i] * d4_sum(dots)))',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dx without weight',
      from: 'const v4 g = weighted(v4_load_left(dyi + j, l - j), weight, j, l - j),',
      to: 'const v4 g = v4_load_left(dyi + j, l - j),',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'dweight without invstd',
      from: 'const v4 xhat = v4_mul(v4_load(xi + j), scale);',
      to: 'const v4 xhat = v4_load(xi + j);',
      caught: [SHAPES, GRADIENTS],
    },
    {
      name: 'last values left out of dweight',
      from: 'for (; j < l; j++) work[j] += dyi[j] * (xi[j] * invstd[i]);',
      to: '',
      caught: [SHAPES, GRADIENTS],
    },
  ],

  'src/kernels/optim.c': [
    {
      name: 'a sum of squares in float32',
      from: 'double nl_sum_of_squares(const float *x, int32_t size) {',
      to: `double nl_sum_of_squares(const float *x, int32_t size) {
        float naive = 0;
        for (int32_t k = 0; k < size; k++) naive += x[k] * x[k];
        if (size >= 0) return naive;`,
      caught: [SHAPES, FAR],
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
export const mutants = Object.entries(byFile).flatMap(([file, list]) => list.map((mutant) => ({ file, ...mutant })));
