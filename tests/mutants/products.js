// As in mutants.js, of what is not normalization: products, pooling, the loss, the optimizer, and what a model computes along.

/** @typedef {import('./mutants.js').Mutant} Mutant */

const GEMM = 'test_gemm_conv gemm';
const LINEAR = 'test_gemm_conv linear';
const CONV = 'test_gemm_conv conv2d';
const INFINITY = 'test_gemm_conv conv2d_keeps_infinity';
const MAX = 'test_pool_activation_loss max_pool';
const ODD = 'test_pool_activation_loss max_pool_of_odd_values';
const AVERAGE = 'test_pool_activation_loss average_pool';
const GLOBAL = 'test_pool_activation_loss global_average_pool';
const LOSS = 'test_pool_activation_loss cross_entropy';
const STEPS = 'test_optim steps';
const MODEL = 'test_model forward';
const RESUMED = 'test_trainer progress_and_what_is_kept_are_all_there_is';
const GRAPHS = 'test_model gradients_of_random_graphs';

/** @type {Record<string, Omit<Mutant, 'file'>[]>} */
export const products = {
  'src/kernels/conv2d_winograd.c': [
    {
      name: "input's third term flipped",
      from: 'd[r][2] = v4_sub(d2, d1);',
      to: 'd[r][2] = v4_sub(d1, d2);',
      caught: [CONV],
    },
    {
      name: "output's last sign flipped",
      from: 's[1][j] = v4_sub(v4_sub(m1, m2), m3);',
      to: 's[1][j] = v4_add(v4_sub(m1, m2), m3);',
      caught: [CONV],
    },
    {
      name: 'middle of the weights not halved',
      from: 'middle = v4_mul(g1, half);',
      to: 'middle = g1;',
      caught: [CONV],
    },
    {
      name: "last sign of the output's gradient flipped",
      from: 'm[3] = v4_sub(v4_splat(0), b);',
      to: 'm[3] = b;',
      caught: [CONV],
    },
    {
      name: 'gradient of the weights transposed',
      from: 'taps[3 * r + k] = column[r];',
      to: 'taps[3 * k + r] = column[r];',
      caught: [CONV],
    },
    {
      name: 'weights not turned round',
      from: 'taps[turned ? TAPS - 1 - k : k]',
      to: 'taps[k]',
      caught: [CONV],
    },
    {
      name: 'last of the channels beside fours left out',
      from: 'for (int32_t r = 0; r < o - j; r++)',
      to: 'for (int32_t r = 0; r + 1 < o - j; r++)',
      caught: [CONV],
    },
    {
      name: 'last column of an odd width not written',
      from: 'const int32_t left = w->out_width - 2 * j;',
      to: 'const int32_t left = (w->out_width - 2 * j) & ~1;',
      caught: [CONV],
    },
    {
      name: 'last row of an even height not written',
      from: 'const bool both = 2 * row + 1 < w->out_height;',
      to: 'const bool both = 2 * row + 2 < w->out_height;',
      caught: [CONV],
    },
    {
      name: 'margins of height and width swapped',
      from: `if (row == 0)
        nl_lay_out(padded, t.height, t.width, w->padding[0], w->padding[1],`,
      to: `if (row == 0)
        nl_lay_out(padded, t.height, t.width, w->padding[1], w->padding[0],`,
      caught: [CONV],
    },
    {
      name: 'one sample laid out for a group of several',
      from: `if (row == 0)
        nl_lay_out(`,
      to: `if (r == 0)
        nl_lay_out(`,
      caught: [CONV],
    },
    {
      name: 'gradient of the last group of tiles alone',
      from: 'sum[r][0] = v4_load(sums + (size_t)r * stride);',
      to: 'sum[r][0] = v4_splat(0);',
      caught: [CONV],
    },
  ],

  'src/kernels/conv2d.c': [
    {
      name: 'what is not finite left as it came',
      from: 'if (!nl_all_finite(y, size)) nl_direct_forward(',
      to: 'if (size < 0) nl_direct_forward(',
      caught: [INFINITY],
    },
    {
      name: 'all samples done again for one that is not finite',
      from: 'nl_direct_forward(y, x, weight, after, turned, work, 1, o, w);',
      to: 'nl_direct_forward(y, x, weight, after, turned, work, n - i, o, w);',
      caught: [INFINITY],
    },
    {
      name: 'done again without what follows',
      from: 'nl_direct_forward(y, x, weight, after, turned, work, 1, o, w);',
      to: 'nl_direct_forward(y, x, weight, (nl_after){0}, turned, work, 1, o, w);',
      caught: [INFINITY],
    },
    {
      name: 'done again with weights not turned round',
      from: 'nl_direct_forward(y, x, weight, after, turned, work, 1, o, w);',
      to: 'nl_direct_forward(y, x, weight, after, false, work, 1, o, w);',
      caught: [INFINITY],
    },
    {
      name: 'gradient that is not finite left as it came',
      from: 'if (nl_all_finite(dweight, o * rows_of(w))) return;',
      to: 'return;',
      caught: [INFINITY],
    },
    {
      name: 'dbias of the last sample alone',
      from: 'sum += sum_of(dy + ',
      to: 'sum = sum_of(dy + ',
      caught: [CONV],
    },
    {
      name: "the forward pass's padding for the gradient's",
      from: 'w->kernel[0] - 1 - w->padding[0], w->kernel[1] - 1 - w->padding[1]',
      to: 'w->padding[0], w->padding[1]',
      caught: [CONV],
    },
    {
      name: '1 x 1 with a stride taken for a plain product',
      from: 'w->kernel[1] == 1 && w->stride[0] == 1 && w->stride[1] == 1 &&',
      to: 'w->kernel[1] == 1 &&',
      caught: [CONV],
    },
    {
      name: 'windows unfolded side by side whatever the stride',
      from: 'col[ox] = row[ox * stride];',
      to: 'col[ox] = row[ox];',
      caught: [CONV],
    },
    {
      name: 'windows that overlap overwritten, not summed',
      from: 'row[ox * stride] += col[ox];',
      to: 'row[ox * stride] = col[ox];',
      caught: [CONV],
    },
  ],

  'src/kernels/conv2d_direct.c': [
    {
      name: 'rows of the image for rows with margins',
      from: 'const int32_t row = padded_width(w), plane',
      to: 'const int32_t row = w->width, plane',
      caught: [CONV],
    },
    {
      name: 'weights not turned round',
      from: 'area + area - 1 - i]',
      to: 'area + i]',
      caught: [CONV],
    },
    {
      name: "turned weights of the forward pass's channels",
      from: 'weight[((size_t)c * o + j) * area',
      to: 'weight[((size_t)j * w->channels + c) * area',
      caught: [CONV],
    },
    {
      name: 'margins of height and width swapped',
      from: 'w->padding[0], w->padding[1], x, w->channels',
      to: 'w->padding[1], w->padding[0], x, w->channels',
      caught: [CONV],
    },
    {
      name: 'bias of the first of four channels',
      from: 'nl_after_channel(after, j + r)',
      to: 'nl_after_channel(after, j)',
      caught: [CONV],
    },
    {
      name: 'positions that no output has counted as outputs',
      from: '(size_t)r * stride + oy * at.pitch',
      to: '(size_t)r * stride + oy * w->out_width',
      caught: [CONV],
    },
    {
      name: 'positions of dy beside fours left out',
      from: 'for (; q < p; q++)',
      to: 'for (; q < p && j + half + 4 > o; q++)',
      caught: [CONV],
    },
    {
      name: 'last of an odd number of columns left out of dweight',
      from: 'x0++, x1++, x2++, x3++) weight_step(sum, dy, x0, x1, x2, x3, 0);',
      to: 'x0++, x1++, x2++, x3++) {}',
      caught: [CONV],
    },
    {
      name: 'dweight of the last sample alone',
      from: 'v4_store(sums, v4_add(v4_load(sums), sum[i][0]));',
      to: 'v4_store(sums, sum[i][0]);',
      caught: [CONV],
    },
  ],

  'src/kernels/gemm.c': [
    {
      name: 'last of the values beside fours left out of a panel',
      from: 'for (; p < k; p++, to += pitch) {',
      to: 'for (; p + 1 < k; p++, to += pitch) {',
      caught: [GEMM],
    },
    {
      name: 'each chunk of columns packed where the first stands',
      from: 'panels + (size_t)(j + c) * k + p * NR',
      to: 'panels + (size_t)c * k + p * NR',
      caught: [GEMM],
    },
    {
      name: 'columns beside whole panels not packed',
      from: 'if (b.col == 1) j = n / NR * NR;',
      to: '',
      caught: [GEMM],
    },
    {
      name: 'last block of k alone',
      from: 'accumulate || p > 0',
      to: 'accumulate',
      caught: [GEMM],
    },
    {
      name: 'added to what c held',
      from: 'accumulate || p > 0',
      to: 'true',
      caught: [GEMM],
    },
    {
      name: 'edges overwritten, not added to',
      from: 'full[i * NR + j] + (accumulate ? c[j] : 0)',
      to: 'full[i * NR + j]',
      caught: [GEMM],
    },
    {
      name: "first block of a's columns for each",
      from: '(ptrdiff_t)i * a.row + (ptrdiff_t)p * a.col, a.row',
      to: '(ptrdiff_t)i * a.row, a.row',
      caught: [GEMM],
    },
    {
      name: 'each block of rows written where the first stands',
      from: 'c + (size_t)(i + ir) * ldc + j + jr',
      to: 'c + (size_t)ir * ldc + j + jr',
      caught: [GEMM],
    },
    {
      name: 'rows of n values for rows of ldc',
      from: 'c[(size_t)i * ldc + j] = 0;',
      to: 'c[(size_t)i * n + j] = 0;',
      caught: ['test_gemm_conv gemm_of_nothing'],
    },
  ],

  'src/kernels/planes.h': [
    {
      name: 'last values of a row not copied',
      from: 'for (; i < n; i++) to[i] = from[i];',
      to: '',
      caught: [CONV],
    },
    {
      name: 'relu left out',
      from: 'after.relu ? 0 : -INFINITY',
      to: '-INFINITY',
      caught: [CONV, LINEAR],
    },
    {
      name: 'scale left out',
      from: 'after.scale ? after.scale[j] : 1',
      to: '1',
      caught: [CONV],
    },
    {
      name: 'shift scaled too',
      from: 'v4_madd(y, after.scale, after.shift)',
      to: 'v4_mul(v4_add(y, after.shift), after.scale)',
      caught: [CONV, LINEAR],
    },
    {
      name: 'nothing follows the last values of a row',
      from: 'if (i < n) v4_store_n(to + i, nl_follow(v4_load_n(from + i, n - i), after), n - i);',
      to: 'if (i < n) v4_store_n(to + i, v4_load_n(from + i, n - i), n - i);',
      caught: [CONV],
    },
    {
      name: 'planes laid out one over the other',
      from: '((size_t)j * hp + top) * wp + left',
      to: '((size_t)j * h + top) * wp + left',
      caught: [CONV],
    },
  ],

  'src/kernels/linear.c': [
    {
      name: 'weight not transposed',
      from: '(nl_matrix){weight, 1, i}',
      to: '(nl_matrix){weight, o, 1}',
      caught: [LINEAR],
    },
    {
      name: 'dx of transposed weights',
      from: '(nl_matrix){weight, i, 1}',
      to: '(nl_matrix){weight, 1, o}',
      caught: [LINEAR],
    },
    {
      name: 'dweight of dy as it lies',
      from: '(nl_matrix){dy, 1, o}',
      to: '(nl_matrix){dy, n, 1}',
      caught: [LINEAR],
    },
    {
      name: 'dweight added to what it held',
      from: 'work, o, i, n, i, false',
      to: 'work, o, i, n, i, true',
      caught: [LINEAR],
    },
    {
      name: 'bias for the first sample alone',
      from: 'row < n; row++, y += o)',
      to: 'row < n && row < 1; row++, y += o)',
      caught: [LINEAR],
    },
    {
      name: 'dbias of the last sample alone',
      from: 'sum = d4_add(sum, v4_load_left(at, width));',
      to: 'sum = d4_add(d4_zero(), v4_load_left(at, width));',
      caught: [LINEAR],
    },
    {
      name: 'relu forgotten without a bias',
      from: 'if (!after.scale && !after.shift && !after.relu) return',
      to: 'if (!after.scale && !after.shift) return',
      caught: [LINEAR],
    },
  ],

  'src/kernels/pool.c': [
    {
      name: 'padding counts as 0',
      from: '*y++ = x[leader];',
      to: '*y++ = x[leader] < 0 && w->padding[0] > 0 ? 0 : x[leader];',
      caught: [MAX, ODD],
    },
    {
      name: 'last of equals',
      from: '(x[at] > x[leader])',
      to: '(x[at] >= x[leader])',
      caught: [MAX],
    },
    {
      name: 'last of equals, four windows at a time',
      from: 'v4_where_less(a, b, one, none)',
      to: 'v4_where_less(b, a, none, one)',
      caught: [MAX],
    },
    {
      name: 'NaN loses',
      from: ' | (x[at] != x[at]);',
      to: ';',
      caught: [ODD],
    },
    {
      name: 'NaN loses, four windows at a time',
      from: 'if (v4_any_nan(v4_add(v4_add(a, b), v4_add(c, d)))) {',
      to: 'if (false) {',
      caught: ['test_pool_activation_loss max_pool_keeps_nan_in_its_window'],
    },
    {
      name: 'windows side by side whatever the stride',
      from: 'oy * w->stride[0] * w->width + ox * w->stride[1], w->width',
      to: 'oy * w->stride[0] * w->width + ox * w->kernel[1], w->width',
      caught: [MAX],
    },
    {
      name: 'average without the padding',
      from: '*y++ = (float)sum * scale;',
      to: '*y++ = (float)sum * scale * 0 + (float)(sum / ((b.bottom - b.top) * (b.right - b.left)));',
      caught: [AVERAGE],
    },
    {
      name: "average's gradient without the padding",
      from: 'float share = *dy++ * scale;',
      to: 'float share = *dy++ * scale * (float)(w->kernel[0] * w->kernel[1]) / (float)((b.bottom - b.top) * (b.right - b.left));',
      caught: [AVERAGE],
    },
    {
      name: 'gradients of windows that overlap overwritten, not summed',
      from: 'dx[iy * w->width + ix] += share;',
      to: 'dx[iy * w->width + ix] = share;',
      caught: [AVERAGE],
    },
    {
      name: 'global average summed in float32',
      from: 'y[i] = (float)(nl_sum(x + (size_t)i * s, s) / s);',
      to: `{
        float naive = 0;
        for (int32_t j = 0; j < s; j++) naive += x[(size_t)i * s + j];
        y[i] = naive / (float)s;
      }`,
      caught: [GLOBAL],
    },
  ],

  'src/kernels/loss.c': [
    {
      name: 'the label smoothed away twice',
      from: 'apart * (log_sum - logits[j])',
      to: '2 * apart * (log_sum - logits[j])',
      caught: ['test_pool_activation_loss label_smoothing'],
    },
    {
      name: 'gradient without smoothing',
      from: '* (1 - smoothing) - apart)',
      to: '* (1 - 0 * smoothing))',
      caught: ['test_pool_activation_loss label_smoothing'],
    },
    {
      name: 'softmax without the largest logit taken off',
      from: 'highest = logits[best];',
      to: 'highest = 0;',
      caught: [LOSS],
    },
    {
      name: 'softmax summed in float32',
      from: 'double sum = 0, highest = logits[best];',
      to: 'float sum = 0;\n    double highest = logits[best];',
      caught: [LOSS],
    },
    {
      name: 'losses summed, not averaged',
      from: '*loss = total / n;',
      to: '*loss = total;',
      caught: [LOSS],
    },
    {
      name: 'gradient of the sum, not of the mean',
      from: '(1 - smoothing) - apart) / n);',
      to: '(1 - smoothing) - apart));',
      caught: [LOSS],
    },
    {
      name: 'gradient without the label',
      from: 'exp(logits[j] - highest) / sum - (j == labels[i])',
      to: 'exp(logits[j] - highest) / sum',
      caught: [LOSS],
    },
    {
      name: 'last of equals predicted',
      from: 'if (logits[j] > logits[best]) best = j;',
      to: 'if (logits[j] >= logits[best]) best = j;',
      caught: ['test_pool_activation_loss cross_entropy_by_hand'],
    },
  ],

  'src/kernels/optim.c': [
    {
      name: 'no bias correction of the mean',
      from: '.rate = v4_splat((float)(adam->lr / first))',
      to: '.rate = v4_splat((float)(adam->lr + 0 * first))',
      caught: ['test_optim adam'],
    },
    {
      name: 'no bias correction of the square',
      from: '.root = v4_splat((float)(1 / sqrt(second)))',
      to: '.root = v4_splat((float)(1 + 0 * second))',
      caught: ['test_optim adam'],
    },
    {
      name: 'eps inside the root',
      from: 'v4_madd(v4_sqrt(q), s.root, s.eps)',
      to: 'v4_mul(v4_sqrt(v4_add(q, s.eps)), s.root)',
      caught: ['test_optim adam'],
    },
    {
      name: 'AdamW as Adam',
      from: '.shrinks = adam->decoupled,',
      to: '.shrinks = false,',
      caught: ['test_optim adam'],
    },
    {
      name: 'Adam as AdamW',
      from: '.decays = !adam->decoupled && adam->weight_decay != 0',
      to: '.decays = false',
      caught: ['test_optim adam'],
    },
    {
      name: 'betas exchanged',
      from: 'v4_splat((float)adam->betas[i])',
      to: 'v4_splat((float)adam->betas[1 - i])',
      caught: ['test_optim adam'],
    },
    {
      name: 'amsgrad without memory',
      from: 'q = v4_at_least(q, v4_load_left(largest, left));',
      to: 'q = v4_at_least(q, v4_splat(0));',
      caught: ['test_optim adam'],
    },
    {
      name: 'velocity read in the first step',
      from: 's.first ? g : v4_madd',
      to: 'v4_madd',
      caught: [STEPS, 'test_optim by_hand'],
    },
    {
      name: 'first step dampened',
      from: 's.first ? g : v4_madd',
      to: 's.first ? v4_mul(g, s.fresh) : v4_madd',
      caught: [STEPS],
    },
    {
      name: 'dampening left out',
      from: '(float)(1 - sgd->dampening)',
      to: '1',
      caught: [STEPS, 'test_trainer steps_are_sgd'],
    },
    {
      name: 'nesterov without the gradient',
      from: 'g = s.nesterov ? v4_madd(v, s.momentum, g) : v;',
      to: 'g = s.nesterov ? v4_mul(v, s.momentum) : v;',
      caught: [STEPS, 'test_optim by_hand'],
    },
    {
      name: 'weight decay beside the momentum',
      from: 'if (s.decays) g = v4_madd(p, s.decay, g);\n  if (s.moves)',
      to: 'if (s.decays) p = v4_madd(v4_mul(p, s.decay), s.rate, p);\n  if (s.moves)',
      caught: [STEPS, 'test_trainer steps_are_sgd'],
    },
    {
      name: 'last values left as they are',
      from: 'if (i < size) step_four(param + i, step.moves ? velocity + i : NULL, grad + i, step, size - i);',
      to: '',
      caught: [STEPS],
    },
    {
      name: 'squares added up in float32',
      from: 'return d4_sum(sum) + d4_sum(other);',
      to: `float naive = 0;
        for (int32_t k = 0; k < size; k++) naive += x[k] * x[k];
        return naive;`,
      caught: ['test_optim sum_of_squares'],
    },
  ],

  'src/net/layers/batchnorm.c': [
    {
      name: "fold without the convolution's bias",
      from: '(bias ? bias[j] : 0) - (double)t',
      to: '-(double)t',
      caught: [MODEL],
    },
    {
      name: 'fold without the weight',
      from: '(t[NL_WEIGHT] ? t[NL_WEIGHT][j] : 1) / sqrt',
      to: '1 / sqrt',
      caught: [MODEL],
    },
    {
      name: 'fold with the mean not scaled',
      from: ' + from * factor)',
      to: ' + from)',
      caught: [MODEL],
    },
    {
      name: 'fold with eps outside the root',
      from: 'sqrt(t[NL_RUNNING_VAR][j] + norm->eps)',
      to: '(sqrt(t[NL_RUNNING_VAR][j]) + norm->eps)',
      caught: [MODEL],
    },
  ],

  'src/net/model.c': [
    {
      name: 'first of two readers counts as the only one',
      from: 'reader[from] = reader[from] ? -1 : i;',
      to: 'reader[from] = reader[from] ? reader[from] : i;',
      caught: [MODEL],
    },
    {
      name: 'last of two readers counts as the only one',
      from: 'reader[from] = reader[from] ? -1 : i;',
      to: 'reader[from] = i;',
      caught: [MODEL],
    },
    {
      name: 'normalized once folded and once apart',
      from: 'node->folded = reader[i];\n    next->in_folded = true;',
      to: 'node->folded = reader[i];',
      caught: [MODEL],
    },
    {
      name: 'first weights by what goes out, not by what comes in',
      from: '(double)weight->size / weight->shape[0]',
      to: '(double)weight->shape[0]',
      caught: ['test_model initial_weights'],
    },
  ],

  'src/net/trainer.c': [
    {
      name: 'an epoch that is gone on with has the order of another',
      from: 'if (trainer->drawn != trainer->epoch) draw_order(trainer);',
      to: 'if (trainer->step == 0) draw_order(trainer);',
      caught: [RESUMED],
    },
    {
      name: 'a schedule begins anew where a run goes on',
      from: 'trainer->began = values[BEGAN];',
      to: 'trainer->began = values[STEPS];',
      caught: [RESUMED],
    },
    {
      name: 'one moment told for the other',
      from: '(size_t)which * model->param_size + model->tensors',
      to: '(size_t)(which > 9) * model->param_size + model->tensors',
      caught: [RESUMED],
    },
    {
      name: 'every part measured, of which the last stays',
      from: '  trainer->watch = NULL;\n  if (watch) nl_measure_begin',
      to: '  if (watch) nl_measure_begin',
      caught: ['test_measure parts'],
    },
    {
      name: 'every step measured after the first',
      from: '  trainer->measures = false;\n',
      to: '',
      caught: ['test_measure one_step_each'],
    },
    {
      name: 'parameters not measured',
      from: '  if (measures) nl_measure_parameters(&trainer->measurement, model);\n',
      to: '',
      caught: ['test_measure figures'],
    },
    {
      name: 'gradients of parts averaged whatever their sizes',
      from: 'const double share = (double)n / sums->n;',
      to: 'const double share = (double)1 / sums->n * n / n;',
      caught: ['test_trainer parts'],
    },
    {
      name: 'every replica moves running statistics',
      from: 'i == 0 ? NL_TRAIN : NL_PROBE',
      to: 'i >= 0 ? NL_TRAIN : NL_PROBE',
      caught: ['test_trainer parts'],
    },
    {
      name: 'shared statistics ignored',
      from: 'trainer->options[NL_SYNC_BATCH_NORM] != 0 ? 1 :',
      to: 'trainer->options[NL_SYNC_BATCH_NORM] > 1 ? 1 :',
      caught: ['test_trainer parts'],
    },
    {
      name: 'one ghost batch too many',
      from: '(n - 1) / (int32_t)ghost + 1',
      to: 'n / (int32_t)ghost + 1',
      caught: ['test_trainer parts'],
    },
    {
      name: 'norms decay all the same',
      from: 'const int which = norm ? NL_DECAY_NORMS : NL_DECAY_BIASES;',
      to: 'const int which = norm ? NL_DECAY_BIASES : NL_DECAY_BIASES;',
      caught: ['test_trainer decay_spares'],
    },
    {
      name: 'weights spared with the biases',
      from: '|| (!norm && tensor->role == NL_WEIGHT)',
      to: '|| (norm && tensor->role == NL_WEIGHT)',
      caught: ['test_trainer decay_spares'],
    },
    {
      name: 'clipping to the square of the norm',
      from: '/ (figures[2] + 1e-6)',
      to: '/ (figures[2] * figures[2] + 1e-6)',
      caught: ['test_trainer clipping'],
    },
    {
      name: 'clipping that also stretches',
      from: 'if (share < 1) nl_multiply',
      to: 'if (share == share) nl_multiply',
      caught: ['test_trainer clipping'],
    },
    {
      name: 'the schedule of all steps, not of these passes',
      from: 'isnan(given) ? trainer->steps - trainer->began : trainer->steps',
      to: 'trainer->steps',
      caught: ['test_trainer schedules'],
    },
  ],

  'src/net/dataset.c': [
    {
      name: 'a last sample alone',
      from: 'return batch_size > 1 && left - n == 1 ? n + 1 : n;',
      to: 'return n;',
      caught: ['test_model recalibrate'],
    },
  ],

  'src/net/recalibrate.c': [
    {
      name: 'momentum in place of the mean',
      from: '(usage){NAN, 1, 0}',
      to: '(usage){norm->momentum, 1, 0}',
      caught: ['test_model recalibrate'],
    },
    {
      name: 'renormalized by what is being measured',
      from: '(usage){NAN, 1, 0}',
      to: '(usage){NAN, norm->renorm.r_max, norm->renorm.d_max}',
      caught: ['test_model recalibrate_renorm'],
    },
    {
      name: 'limits not given back',
      from: 'if (tracking(model, i)) exchange(tracking(model, i), before[i]);',
      to: 'if (tracking(model, i)) tracking(model, i)->momentum = before[i].momentum;',
      caught: ['test_model recalibrate_renorm'],
    },
    {
      name: 'on top of what was there',
      from: `      nl_norm_reset_running_stats(norm);
`,
      to: '',
      caught: ['test_model recalibrate'],
    },
  ],

  'src/net/schedules.c': [
    {
      name: 'warm-up from nothing',
      from: 'lr * (at + 1) / warmup',
      to: 'lr * at / warmup',
      caught: ['test_trainer schedules'],
    },
    {
      name: 'a whole period',
      from: 'nl_cosine(PI / 2 * at / steps)',
      to: 'nl_cosine(PI * at / steps)',
      caught: ['test_trainer schedules'],
    },
    {
      name: 'warm-up counted among the steps that follow',
      from: 'fmin(at - warmup, rest) : at - warmup, rest)',
      to: 'fmin(at, rest) : at, rest)',
      caught: ['test_trainer schedules'],
    },
  ],

  'src/net/run.c': [
    {
      name: 'a frozen BatchNorm with gradients',
      from: 'learns = which == 0 && !(node->norm && node->norm->frozen)',
      to: 'learns = which == 0',
      caught: ['test_model frozen'],
    },
    {
      name: 'running statistics folded in train mode',
      from: 'folding && mode == NL_EVAL && fold(model)',
      to: 'folding && fold(model)',
      caught: [MODEL],
    },
    {
      name: 'a scale that is not finite folded',
      from: 'finite = finite && isfinite(node->fold[j]);',
      to: ';',
      caught: ['test_model eval_without_variance'],
    },
    {
      name: 'bias forgotten where relu is computed along',
      from: ': node->params[NL_BIAS],\n',
      to: ': NULL,\n',
      caught: [MODEL],
    },
    {
      name: 'relu after a fold that has none',
      from: '.relu = model->nodes[last].type->relu}',
      to: '.relu = true}',
      caught: [MODEL],
    },
    {
      name: 'an output folded written over what is still read',
      from: 'if (spans[3 * node->folded].first > i) spans[3 * node->folded].first = i;',
      to: '',
      caught: ['test_model joined_output_lies_apart'],
    },
    {
      name: "gradient of a second reader in place of the first's",
      from: 'const bool add = target && input->has_gradient,',
      to: 'const bool add = false,',
      caught: [GRAPHS],
    },
    {
      name: 'backward past the relu that a normalization computed along',
      from: '.relu = output != node,',
      to: '.relu = false,',
      caught: [GRAPHS],
    },
  ],
};
