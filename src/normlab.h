/**
 * Normlab: normalization layers, forward and backward, and a small CNN trainer, in C11.
 *
 * This is the one public header and the whole boundary of the WebAssembly module. The engine uses no stdio, knows no
 * JavaScript and runs on one thread; it never aborts on bad input.
 *
 * Conventions
 *   - Every fallible function returns a status; NL_OK is 0. The text of the last failure is nl_last_error().
 *     A failed call changes nothing.
 *   - Outputs come first, gradients carry a `d`, dimensions come last. Arrays are row-major float32 unless said otherwise,
 *     batch first: [N, C], [N, C, L], [N, C, H, W], [N, C, D, H, W]. `n` is the number of samples in the batch.
 *   - Layer settings travel as an array of float64 in the order of the layer's table row in nl_abi(): one value each,
 *     except `pair` (two) and `shape` (its length, then NL_MAX_DIMS values). NaN stands for null.
 *   - Names, defaults, formulas and error texts are PyTorch's where it has them: https://pytorch.org/docs/stable/nn.html
 */
#ifndef NORMLAB_H
#define NORMLAB_H

#include <stddef.h>
#include <stdint.h>

#define NL_API __attribute__((visibility("default")))
#define NL_MAX_DIMS 5

typedef enum {
  NL_OK = 0,
  NL_ARGUMENT = 1, /* a value outside its range */
  NL_SHAPE = 2,    /* a tensor of the wrong shape */
  NL_STATE = 3,    /* a call that does not fit what was called before */
  NL_MEMORY = 4,   /* memory refused */
  NL_FORMAT = 5    /* corrupt data */
} nl_status;

/* How a forward pass normalizes and what it leaves behind. */
typedef enum {
  NL_EVAL = 0,  /* running statistics where a layer keeps them; nothing updated */
  NL_TRAIN = 1, /* batch statistics; running statistics updated */
  NL_PROBE = 2  /* batch statistics; nothing updated */
} nl_mode;

/* What a parameter or buffer is to its layer; the order is that of nl_abi()'s "roles". */
typedef enum { NL_WEIGHT = 0, NL_BIAS = 1, NL_RUNNING_MEAN = 2, NL_RUNNING_VAR = 3, NL_ROLES = 4 } nl_role;

typedef struct nl_norm nl_norm;
typedef struct nl_model nl_model;
typedef struct nl_dataset nl_dataset;
typedef struct nl_trainer nl_trainer;

/* ---- engine ------------------------------------------------------------------------------------------------------- */

/** The text of the last failure, UTF-8, valid until the next failing call. */
NL_API const char *nl_last_error(void);

/** What a binding must know, as JSON: version, statuses, roles, maxDims, and the tables of layer types, optimizers and
 *  schedules with their settings (name, kind, default, whether required). One source for C, the binding and whatever draws controls. */
NL_API const char *nl_abi(void);

/** Memory for what crosses the boundary, 16-byte aligned; NULL when refused. Release with nl_free. */
NL_API void *nl_alloc(size_t bytes);
NL_API void nl_free(void *memory);

/* ---- one normalization layer -------------------------------------------------------------------------------------- */

/**
 * Makes a normalization layer of its own: weight 1, bias 0, running mean 0, running variance 1, in training mode.
 * type      index of a normalization layer in nl_abi()'s table
 * args      its settings, `count` values
 * features  num_features or num_channels C >= 1; not read by layerNorm and rmsNorm
 * dims      1, 2 or 3 for batchNorm1d/2d/3d (batchRenorm likewise) and instanceNorm1d/2d/3d; 0 takes any number of spatial dimensions
 */
NL_API nl_status nl_norm_create(nl_norm **norm, int32_t type, const double *args, int32_t count, int32_t features,
                                int32_t dims);
NL_API void nl_norm_destroy(nl_norm *norm);

/** Values that `role` holds: C, or the product of normalized_shape; 0 where the layer has none. */
NL_API int32_t nl_norm_size(const nl_norm *norm, int32_t role);
/** Those values, to be read and written in place; NULL where the layer has none. */
NL_API float *nl_norm_tensor(nl_norm *norm, int32_t role);

/** Batches that the running statistics have seen (num_batches_tracked); -1 where the layer tracks none. */
NL_API double nl_norm_batches_tracked(const nl_norm *norm);
NL_API void nl_norm_set_batches_tracked(nl_norm *norm, double batches);
/** Running mean 0, variance 1, batches 0. */
NL_API void nl_norm_reset_running_stats(nl_norm *norm);

/**
 * y = (x - mean) / sqrt(var + eps) * weight + bias, in `mode`; rmsNorm: x / sqrt(mean of x² + eps) * weight.
 * x, y: `shape`, `ndim` dimensions; y may be x. instanceNorm1d/2d/3d take [C, ...] without N too.
 * Statistics are exact to float32: two passes, float64 sums, biased variance. Values that are all equal give exactly
 * the bias.
 * Errors: NL_SHAPE with PyTorch's words; NL_ARGUMENT where batchNorm's eps is not positive with batch statistics or is
 * negative. N = 0 is legal and leaves the running statistics as they are.
 */
NL_API nl_status nl_norm_forward(nl_norm *norm, float *y, const float *x, const int32_t *shape, int32_t ndim,
                                 int32_t mode);
/** Gradients of the last forward, overwritten, not accumulated. dx, dy, x: its shape; dweight, dbias: nl_norm_size, or NULL. */
NL_API nl_status nl_norm_backward(nl_norm *norm, float *dx, float *dweight, float *dbias, const float *dy,
                                  const float *x);

/** Mean and 1/sqrt(var + eps) that the last forward used: one of each per channel, row, group or instance. */
NL_API int32_t nl_norm_saved_count(const nl_norm *norm);
NL_API const double *nl_norm_saved_mean(const nl_norm *norm);
NL_API const double *nl_norm_saved_invstd(const nl_norm *norm);

/* ---- models ------------------------------------------------------------------------------------------------------- */

/**
 * An empty model for samples of `shape` (without N; 1 to 4 dimensions). Add layers, then nl_model_finish.
 * seed: an integer in [0, 2^53) from which all initial weights are drawn.
 */
NL_API nl_status nl_model_create(nl_model **model, const int32_t *shape, int32_t ndim, double seed);
NL_API void nl_model_destroy(nl_model *model);

/**
 * Adds a layer and gives its node number. Node 0 is the model's input; `from` is the node that the layer reads, `from2`
 * the second one for the table's "add" (-1 elsewhere). Shapes are inferred and settings checked here.
 */
NL_API nl_status nl_model_add(nl_model *model, int32_t *node, int32_t type, int32_t from, int32_t from2,
                              const double *args, int32_t count);
/** Draws the initial weights (Kaiming uniform, a = sqrt(5), as PyTorch's reset_parameters) and closes the model. */
NL_API nl_status nl_model_finish(nl_model *model);

/** Output shape of `node` without N into shape[NL_MAX_DIMS]; the result is the number of dimensions, 0 if there is no such node. */
NL_API int32_t nl_model_node_shape(const nl_model *model, int32_t node, int32_t *shape);

/** Parameters and buffers of all layers, in the order of adding. */
NL_API int32_t nl_model_tensor_count(const nl_model *model);
/** info[4 + NL_MAX_DIMS] = node, role, size, ndim, shape. Conv weights are [O, I, KH, KW], linear weights [out, in]. */
NL_API nl_status nl_model_tensor_info(const nl_model *model, int32_t index, int32_t *info);
/** The values, to be read and written in place. */
NL_API float *nl_model_tensor_data(nl_model *model, int32_t index);
/** The gradient that the last nl_model_gradients or trainer step left; NULL for buffers. */
NL_API const float *nl_model_tensor_grad(const nl_model *model, int32_t index);
/** num_batches_tracked of a node; -1 where it keeps none. */
NL_API double nl_model_batches_tracked(const nl_model *model, int32_t node);
NL_API void nl_model_set_batches_tracked(nl_model *model, int32_t node, double batches);

/**
 * Values that one mean and one variance of a normalization are taken over in training, of a batch of n (with replicas or
 * micro-batches: of the part that normalizes on its own): batchNorm N * H * W, instanceNorm H * W, groupNorm C / G * H * W,
 * layerNorm and rmsNorm the product of normalized_shape; 0 where the node is none.
 */
NL_API double nl_model_values_per_statistic(const nl_model *model, int32_t node, int32_t n);

/**
 * Training forwards so far: each pass in NL_TRAIN, and each shard or micro-batch of a trainer's step. What the dropouts of a
 * pass drop follows from the model's seed, the node and this number alone, so that a run goes on where it was resumed.
 * Passes that update nothing leave it as it is. NL_ARGUMENT unless it is an integer in [0, 2^53).
 */
NL_API double nl_model_passes(const nl_model *model);
NL_API nl_status nl_model_set_passes(nl_model *model, double passes);
/** factors [n, shape of `node`]: what the dropout `node` multiplies a batch of n by in the next training forward. */
NL_API nl_status nl_model_dropout_factors(const nl_model *model, float *factors, int32_t node, int32_t n);

/**
 * Freezes the batchNorm or batchRenorm of `node`, or thaws it: in every mode it normalizes with its running statistics, which stay, and its
 * weight and bias have no gradient (zeros) and are not trained, nor does weight decay act on them.
 */
NL_API nl_status nl_model_set_frozen(nl_model *model, int32_t node, int32_t frozen);

/** The node whose output had the first value that is not finite, in a trainer's last step; -1 where its logits were finite. */
NL_API int32_t nl_model_nonfinite_node(const nl_model *model);

/** The node at which the last failed pass of this model failed, -1 for none: whom an error is about. */
NL_API int32_t nl_model_failed_node(const nl_model *model);

/** logits [n, K] of x [n, shape] in `mode`. In NL_EVAL any n works in bounded memory,
 *  unless a layer uses batch statistics there too; otherwise the batch is one. A BatchNorm with
 *  running statistics is folded into the convolution or linear layer before it there. */
NL_API nl_status nl_model_forward(nl_model *model, float *logits, const float *x, int32_t n, int32_t mode);

/**
 * One forward and backward pass with mean cross-entropy. loss: one value; logits [n, K]; dinput [n, shape]; any of the
 * outputs may be NULL. labels: class indices [n]. Parameter gradients: nl_model_tensor_grad.
 */
NL_API nl_status nl_model_gradients(nl_model *model, double *loss, float *logits, float *dinput, const float *x,
                                    const int32_t *labels, int32_t n, int32_t mode);

/** Doubles per node that nl_model_compare writes for `bins` histogram bins. */
NL_API int32_t nl_model_compare_row(int32_t bins);
/**
 * The same batch through batch statistics (NL_PROBE) and running statistics (NL_EVAL), updating nothing.
 * figures [nodes, nl_model_compare_row(bins)], a row per node from node 1 on:
 *   train mean, std, min, max, nonfinite; eval the same; difference max |.|, mean |.|, rms, cosine;
 *   histogram low and high edge (shared by both modes); `bins` counts in train mode, `bins` counts in eval mode.
 * Moments and counts are those of the finite values, and moments NaN where there is none; nonfinite: how many others there
 * are. std is the population's. logits_train, logits_eval [n, K]. figures NULL: logits alone, in a part of the time and memory.
 */
NL_API nl_status nl_model_compare(nl_model *model, double *figures, float *logits_train, float *logits_eval,
                                  const float *x, int32_t n, int32_t bins);

/**
 * Mean cross-entropy of logits [n, k] against class indices [n], in float64; dlogits [n, k] or NULL is its gradient;
 * *correct counts the rows whose first largest logit is the label's. A label outside [0, k) is NL_ARGUMENT.
 * smoothing in [0, 1), label_smoothing: that share of the target is spread evenly over all classes
 * (https://arxiv.org/abs/1512.00567).
 */
NL_API nl_status nl_cross_entropy(double *loss, int32_t *correct, float *dlogits, const float *logits,
                                  const int32_t *labels, double smoothing, int32_t n, int32_t k);

/* ---- data --------------------------------------------------------------------------------------------------------- */

/**
 * A view of labelled images in memory that the caller keeps alive: images [count, channels, pixels], uint8 that become
 * (v / 255 - mean[channel]) / std[channel], or float32 taken as they are (is_float 1; mean and std are not read).
 * labels [count], checked to lie in [0, classes).
 * images NULL: training is lent those of its next steps (nl_trainer_lend), and nothing else can read the set.
 */
NL_API nl_status nl_dataset_create(nl_dataset **dataset, const void *images, int32_t is_float, const int32_t *labels,
                                   int32_t count, int32_t channels, int32_t pixels, int32_t classes, const double *mean,
                                   const double *std);
NL_API void nl_dataset_destroy(nl_dataset *dataset);

/**
 * Whoever reads the set finds its samples class after class from here on, each class in the order it had; where passes
 * shuffle, it is within the classes.
 */
NL_API nl_status nl_dataset_sort(nl_dataset *dataset);
/**
 * What training does to each sample when it is read, as torchvision's RandomCrop(size, padding = crop) and
 * RandomHorizontalFlip do: args are nl_abi()'s "augment" settings, crop and flip. Rows are of `width` pixels; beyond the
 * edge stands fill [channels], which is black where it is what 0 becomes. The draws are a function of the seed of the
 * passes, the epoch and the sample's place in it. Evaluation and nl_recalibrate read samples as they are.
 */
NL_API nl_status nl_dataset_set_augment(nl_dataset *dataset, const double *args, int32_t count, int32_t width,
                                        const double *fill);

/**
 * Samples first to first + n - 1 of an endless made-up set, to try things on. Any piece of it can be made at any time, bit for
 * bit; classes are balanced: each run of `classes` samples that begins at a multiple of it has one of each. `part` (0 for
 * training, 1 for test) chooses other samples of the same classes; another seed makes another set.
 *
 * shape [3]: channels, height and width of a sample.
 *
 * nl_blobs: images [n, shape], Gaussian clusters about a centre a class. Centres are about 1 from the origin and so about
 * sqrt(2) from each other; noise is the standard deviation in each direction. An image has at most 4 x 4 values a channel,
 * shown as patches, so that convolutions find them.
 */
NL_API nl_status nl_blobs(float *images, int32_t *labels, int32_t first, int32_t n, const int32_t *shape,
                          int32_t classes, double noise, double seed, int32_t part);
/**
 * nl_textures: images [n, shape] of bytes about grey: waves (of even classes) and checks (of odd ones) whose orientation,
 * frequency and colours are those of the class, each within a range; phase and contrast are random. noise is the standard
 * deviation of a pixel's, half the range of bytes being 1.
 */
NL_API nl_status nl_textures(uint8_t *images, int32_t *labels, int32_t first, int32_t n, const int32_t *shape,
                             int32_t classes, double noise, double seed, int32_t part);

/**
 * figures[2] = mean cross-entropy and accuracy over the whole set in batches of batch_size (the last may be smaller), in
 * NL_EVAL or NL_PROBE. A last batch of one sample joins the batch before it, since one value has no variance.
 */
NL_API nl_status nl_evaluate(nl_model *model, double *figures, const nl_dataset *dataset, int32_t batch_size,
                             int32_t mode);

/**
 * PreciseBN (https://arxiv.org/abs/2105.07576), as torch.optim.swa_utils.update_bn: the running statistics of every BatchNorm
 * become the average over the first `batches` batches (0: over all) of `batch_size` samples in the data's order, of the
 * weights as they are; a batchRenorm normalizes as batchNorm meanwhile. A last batch of one sample joins the batch before it.
 */
NL_API nl_status nl_recalibrate(nl_model *model, const nl_dataset *dataset, int32_t batch_size, int32_t batches);

/* ---- training ----------------------------------------------------------------------------------------------------- */

/**
 * An optimizer for the model's parameters: `optimizer` is a place in nl_abi()'s table of optimizers, args its settings,
 * `count` values. sgd, adam and adamW are torch.optim's, the formulas and their order included:
 * https://pytorch.org/docs/stable/optim.html
 * options [option_count]: nl_abi()'s "trainer" settings: clipGradNorm (torch.nn.utils.clip_grad_norm_ before each step; null:
 * none), labelSmoothing, whether weight decay acts on decayNorms (weight and bias of normalizations) and decayBiases, and in
 * what parts a batch is passed, each normalized by its own statistics; gradients are averaged over all samples:
 *   replicas                as many shards, at most one a sample, as on data-parallel devices, of which the first alone
 *                           moves running statistics (DistributedDataParallel takes the buffers of rank 0); with
 *                           syncBatchNorm all in one pass, which is what shared statistics come to
 *   accumulate, ghostBatch  within a shard as many micro-batches, or as many as keep each to so many samples
 *                           (https://arxiv.org/abs/1705.08741), each of which moves running statistics
 * The model must outlive the trainer.
 */
NL_API nl_status nl_trainer_create(nl_trainer **trainer, nl_model *model, int32_t optimizer, const double *args,
                                   int32_t count, const double *options, int32_t option_count);
NL_API void nl_trainer_destroy(nl_trainer *trainer);
/** What the schedule starts from. */
NL_API nl_status nl_trainer_set_lr(nl_trainer *trainer, double lr);
/**
 * A learning rate that changes with each step: `schedule` is a place in nl_abi()'s table of schedules, args its settings.
 * Where its `steps` are null, it spans the passes of nl_trainer_begin, and begins anew with these.
 */
NL_API nl_status nl_trainer_set_schedule(nl_trainer *trainer, int32_t schedule, const double *args, int32_t count);
/** The learning rate of the next step; NaN where the schedule needs to know of how many steps it is. */
NL_API double nl_trainer_rate(const nl_trainer *trainer);

/** One step on the batch x [n, shape], labels [n], in training mode. figures[3] = loss, accuracy, and the norm of all
 *  gradients before clipping and without weight decay. */
NL_API nl_status nl_trainer_step(nl_trainer *trainer, double *figures, const float *x, const int32_t *labels,
                                 int32_t n);

/** Doubles per node that a measured step leaves for `bins` histogram bins. */
NL_API int32_t nl_trainer_measured_row(int32_t bins);
/**
 * The next step of nl_trainer_step or nl_trainer_run is measured, as it is: no bit of what it does changes.
 * bins: of the histograms, 1 to 4096. Memory for the figures stays until the trainer is destroyed.
 */
NL_API nl_status nl_trainer_measure(nl_trainer *trainer, int32_t bins);
/**
 * Figures of the last step that was measured; NULL before. [nodes, nl_trainer_measured_row(bins)], a row per node from node
 * 1 on, -1 for what there is none of:
 *   output mean, std, min, max, nonfinite, low and high edge of its histogram;
 *   the same of the gradient of the mean loss with respect to the output, none before the first layer that has parameters;
 *   Euclidean norm of the layer's gradients, of its parameters; values per statistic (nl_model_values_per_statistic);
 *   meanShift and varRatio; `bins` counts of the output, `bins` counts of its gradient.
 * Where a batch is passed in parts, outputs, their gradients and statistics are those of the first part alone (the first
 * shard's first micro-batch, whose mean loss it is); norms are those of the whole batch, of gradients before clipping and
 * without weight decay, of parameters before the update. flatten and identity hand their input on, and its gradient is
 * theirs.
 * meanShift, varRatio: how far batch statistics were from running ones (where a layer has both), which the step has not
 * moved yet: what eval mode would have used on this batch.
 *   meanShift = sqrt(mean over channels of (batch mean - running mean)^2 / (running var + eps))
 *   varRatio = exp(mean over channels of |log((batch var + eps) / (running var + eps))|), 1 where they are equal
 * batch var is biased, as it normalizes; with trackRunningStats instanceNorm's channels are those of every sample.
 */
NL_API const double *nl_trainer_measured(const nl_trainer *trainer);

/**
 * Begins passes over `dataset`, which must outlive them. All memory for steps is taken here.
 * Each epoch visits every sample once, in an order drawn from (seed, epoch) if `shuffle`; drop_last leaves out a last
 * batch that is smaller than batch_size. epochs: how many there will be, for the schedule; 0 where that is not known.
 */
NL_API nl_status nl_trainer_begin(nl_trainer *trainer, const nl_dataset *dataset, int32_t batch_size, int32_t shuffle,
                                  int32_t drop_last, double seed, int32_t epochs);
/** Steps in one pass; 0 before nl_trainer_begin. */
NL_API int32_t nl_trainer_steps_per_epoch(const nl_trainer *trainer);
/**
 * Runs up to k steps, none beyond the end of the epoch; the next call begins the next one. figures [k, 3] as in
 * nl_trainer_step; *done = steps run, also after a failure. A loss that is not finite ends the call after its step.
 */
NL_API nl_status nl_trainer_run(nl_trainer *trainer, double *figures, int32_t *done, int32_t k);

/** The samples of up to k next steps, none beyond the end of their epoch, in the order in which these read them:
 *  samples [k * batch_size]; how many they are. */
NL_API int32_t nl_trainer_upcoming(nl_trainer *trainer, int32_t *samples, int32_t k);
/**
 * For a data set without images: those of the samples that nl_trainer_upcoming has just given, in the same order, which the
 * caller keeps alive. A step whose images were not lent is NL_STATE.
 */
NL_API void nl_trainer_lend(nl_trainer *trainer, const void *images, int32_t count);

/** Values of nl_trainer_progress. */
NL_API int32_t nl_trainer_progress_count(void);
/**
 * Where training is, beside parameters and what the optimizer keeps of them; names in nl_abi()'s "progress":
 *   steps    taken in all
 *   began    of these, before the passes of the last nl_trainer_begin
 *   planned  steps that those passes will have, 0 where not known
 *   done     steps of them that are done
 * values [nl_trainer_progress_count].
 */
NL_API void nl_trainer_progress(const nl_trainer *trainer, double *values);
/** Goes on from there; `done` needs passes that have begun and is left out without. NL_ARGUMENT for what cannot be. */
NL_API nl_status nl_trainer_set_progress(nl_trainer *trainer, const double *values);
/**
 * What the optimizer keeps for tensor `index` of the model, to be read and written in place, as many values as that has.
 * which: a place in the `keeps` of nl_abi()'s table. NULL where nothing is kept.
 */
NL_API float *nl_trainer_kept(nl_trainer *trainer, int32_t which, int32_t index);

/* ---- for the benchmark ---------------------------------------------------------------------------------------------- */

/** c [m, n] = a [m, k] b [k, n] with the engine's matrix product; work: nl_matmul_work() floats. */
NL_API nl_status nl_matmul(float *c, const float *a, const float *b, float *work, int32_t m, int32_t n, int32_t k);
NL_API size_t nl_matmul_work(void);
/** 48 multiply-adds a round, in registers and independent of each other: the processor's peak. The result is to be kept. */
NL_API float nl_peak(int32_t rounds);

#endif
