#include "net/dataset.h"
#include "net/model.h"
#include "net/optimizer.h"
#include "net/schedule.h"

#include <stdlib.h>
#include <string.h>

/* Neighbouring tensors of the parameter block that weight decay acts on, or does not. */
typedef struct {
  size_t at;
  int32_t size;
  bool decays;
} span;

struct nl_trainer {
  nl_model *model;
  const nl_optimizer_type *optimizer;
  double args[NL_MOST_OPTIMIZER_ARGS], options[NL_TRAINER_SETTINGS];
  float *state; /* [kept, model->param_size] */
  float *sum;   /* [model->param_size]: of gradients, where batches are passed in parts */
  span *spans;  /* without what is frozen */
  int32_t span_count, thaws;
  double steps; /* taken */
  nl_measurement measurement;
  bool measures, measured; /* the next step, and any before */
  nl_measurement *watch;   /* of the step that is measured, until its first pass has been */

  const nl_schedule_type *schedule;
  double schedule_args[NL_MOST_SCHEDULE_ARGS];
  double began, planned; /* steps taken when the passes began, and steps that these will have; 0 where not known */

  /* The passes that nl_trainer_begin began. */
  const nl_dataset *dataset;
  int32_t batch_size, steps_per_epoch;
  bool shuffle;
  uint64_t seed;
  int32_t epoch, step; /* the next step, within its epoch */
  int32_t drawn;       /* the epoch whose order is there, -1 for none */
  int32_t *order;      /* [dataset->count] */
  const void *lent;    /* images of lent_count samples, from the place lent_from of that order on; NULL for none */
  int32_t lent_from, lent_count;
  float *x; /* [batch_size, sample] */
  int32_t *labels;
};

/* Parameters lie in the order of their tensors, each padded to whole vectors. */
static void find_spans(nl_trainer *trainer) {
  const nl_model *model = trainer->model;
  trainer->thaws = model->thaws;
  trainer->span_count = 0;
  for (int32_t i = 0; i < model->tensor_count; i++) {
    const nl_tensor *tensor = &model->tensors[i];
    const nl_norm *owner = model->nodes[tensor->node].norm;
    if (tensor->role > NL_BIAS || (owner && owner->frozen)) continue;
    const bool norm = owner != NULL;
    const int which = norm ? NL_DECAY_NORMS : NL_DECAY_BIASES;
    const bool decays = trainer->options[which] != 0 || (!norm && tensor->role == NL_WEIGHT);
    span *last = &trainer->spans[trainer->span_count - 1];
    const bool follows = trainer->span_count > 0 && last->at + (size_t)last->size == tensor->at;
    if (!follows || last->decays != decays) {
      last = &trainer->spans[trainer->span_count++];
      *last = (span){tensor->at, 0, decays};
    }
    last->size = (int32_t)(tensor->at - last->at) + ((tensor->size + 3) & ~3);
  }
}

/* Shards of a batch, and samples of a micro-batch within one of n. */
static int32_t shards_of(const nl_trainer *trainer) {
  return trainer->options[NL_SYNC_BATCH_NORM] != 0 ? 1 : (int32_t)trainer->options[NL_REPLICAS];
}

static int32_t micro_batches_of(const nl_trainer *trainer, int32_t n) {
  const double ghost = trainer->options[NL_GHOST_BATCH];
  return isnan(ghost) ? (int32_t)trainer->options[NL_ACCUMULATE] : (n - 1) / (int32_t)ghost + 1;
}

static bool in_parts(const nl_trainer *trainer) {
  return shards_of(trainer) > 1 || trainer->options[NL_ACCUMULATE] > 1 || !isnan(trainer->options[NL_GHOST_BATCH]);
}

nl_status nl_trainer_create(nl_trainer **out, nl_model *model, int32_t optimizer, const double *args, int32_t count,
                            const double *options, int32_t option_count) {
  NL_CHECK(model->finished, NL_STATE, "trainer: the model is not finished");
  NL_CHECK(optimizer >= 0 && optimizer < nl_optimizer_type_count, NL_ARGUMENT,
           "nl_trainer_create: there is no optimizer %d", optimizer);
  const nl_optimizer_type *type = nl_optimizer_types[optimizer];
  NL_TRY(nl_settings_check(&type->settings, args, count));
  if (type->check) NL_TRY(type->check(args));
  NL_TRY(nl_settings_check(&nl_trainer_settings, options, option_count));
  nl_trainer *trainer;
  NL_TRY(nl_take((void **)&trainer, 1, sizeof *trainer));
  trainer->model = model;
  trainer->optimizer = type;
  memcpy(trainer->args, args, (size_t)count * sizeof *args);
  memcpy(trainer->options, options, (size_t)option_count * sizeof *options);
  trainer->schedule = nl_schedule_types[0];
  trainer->schedule_args[NL_SCHEDULE_STEPS] = NAN;
  nl_status status =
      nl_take((void **)&trainer->state, (uint64_t)type->kept(args) * model->param_size, sizeof *trainer->state);
  if (status == NL_OK && in_parts(trainer))
    status = nl_take((void **)&trainer->sum, model->param_size, sizeof *trainer->sum);
  if (status == NL_OK)
    status = nl_take((void **)&trainer->spans, (uint64_t)model->tensor_count, sizeof *trainer->spans);
  if (status != NL_OK) {
    nl_trainer_destroy(trainer);
    return status;
  }
  find_spans(trainer);
  *out = trainer;
  return NL_OK;
}

static void end_passes(nl_trainer *trainer) {
  free(trainer->order);
  free(trainer->x);
  free(trainer->labels);
  trainer->dataset = NULL;
  trainer->order = trainer->labels = NULL;
  trainer->x = NULL;
  trainer->lent = NULL;
  trainer->steps_per_epoch = 0;
}

void nl_trainer_destroy(nl_trainer *trainer) {
  if (!trainer) return;
  end_passes(trainer);
  free(trainer->state);
  free(trainer->spans);
  free(trainer->sum);
  nl_measure_free(&trainer->measurement);
  free(trainer);
}

nl_status nl_trainer_set_lr(nl_trainer *trainer, double lr) {
  const nl_settings *own = &trainer->optimizer->settings;
  NL_TRY(nl_settings_check(&(nl_settings){own->name, &own->list[NL_LR], 1}, &lr, 1));
  trainer->args[NL_LR] = lr;
  return NL_OK;
}

nl_status nl_trainer_set_schedule(nl_trainer *trainer, int32_t schedule, const double *args, int32_t count) {
  NL_CHECK(schedule >= 0 && schedule < nl_schedule_type_count, NL_ARGUMENT,
           "nl_trainer_set_schedule: there is no schedule %d", schedule);
  NL_TRY(nl_settings_check(&nl_schedule_types[schedule]->settings, args, count));
  trainer->schedule = nl_schedule_types[schedule];
  memcpy(trainer->schedule_args, args, (size_t)count * sizeof *args);
  return NL_OK;
}

double nl_trainer_rate(const nl_trainer *trainer) {
  const double given = trainer->schedule_args[NL_SCHEDULE_STEPS];
  const double steps = isnan(given) ? trainer->planned : given;
  const double at = isnan(given) ? trainer->steps - trainer->began : trainer->steps;
  if (trainer->schedule->ends && steps == 0) return NAN;
  return nl_schedule_rate(trainer->schedule, trainer->schedule_args, trainer->args[NL_LR], at, steps);
}

static nl_status update(nl_trainer *trainer, double rate) {
  nl_model *model = trainer->model;
  if (trainer->thaws != model->thaws) find_spans(trainer);
  for (int32_t i = 0; i < trainer->span_count; i++) {
    const span part = trainer->spans[i];
    const nl_step at = {.lr = rate,
                        .weight_decay = part.decays ? trainer->args[NL_WEIGHT_DECAY] : 0,
                        .step = trainer->steps + 1,
                        .stride = model->param_size};
    NL_TRY(trainer->optimizer->step(model->params + part.at, trainer->state ? trainer->state + part.at : NULL,
                                    model->grads + part.at, trainer->args, at, part.size));
  }
  trainer->steps++;
  return NL_OK;
}

static int32_t at_most(int32_t a, int32_t b) { return a < b ? a : b; }

/* Where part i of n samples in `parts` begins. */
static int32_t part_start(int32_t n, int32_t parts, int32_t i) { return (int32_t)((int64_t)n * i / parts); }

/* One pass forward and back; *loss and *correct of its samples. */
static nl_status pass(nl_trainer *trainer, double *loss, int32_t *correct, const float *x, const int32_t *labels,
                      int32_t n, int32_t mode) {
  nl_model *model = trainer->model;
  nl_measurement *watch = trainer->watch;
  trainer->watch = NULL;
  if (watch) nl_measure_begin(watch, model);
  NL_TRY(nl_model_run_joined(model, x, n, mode, false));
  /* A shard whose statistics are not kept is trained on all the same. */
  if (mode == NL_PROBE) model->passes++;
  if (model->nonfinite < 0) nl_model_find_nonfinite(model, n);
  if (watch) NL_TRY(nl_measure_outputs(watch, model, n));
  model->watch = watch;
  const nl_status status = nl_model_learn(model, loss, correct, NULL, labels, trainer->options[NL_LABEL_SMOOTHING], n);
  model->watch = NULL;
  return status;
}

typedef nl_status part_work(nl_trainer *trainer, void *sums, int32_t first, int32_t n, int32_t mode);

/* Each part of a batch of n in turn. */
static nl_status each_part(nl_trainer *trainer, part_work *work, void *sums, int32_t n) {
  const int32_t shards = at_most(shards_of(trainer), n);
  for (int32_t i = 0; i < shards; i++) {
    const int32_t begin = part_start(n, shards, i), size = part_start(n, shards, i + 1) - begin;
    const int32_t parts = at_most(micro_batches_of(trainer, size), size);
    for (int32_t j = 0; j < parts; j++) {
      const int32_t first = part_start(size, parts, j), count = part_start(size, parts, j + 1) - first;
      NL_TRY(work(trainer, sums, begin + first, count, i == 0 ? NL_TRAIN : NL_PROBE));
    }
  }
  return NL_OK;
}

static nl_status check_part(nl_trainer *trainer, void *sums, int32_t first, int32_t n, int32_t mode) {
  (void)sums;
  (void)first;
  return nl_model_check_batch(trainer->model, n, mode);
}

typedef struct {
  const float *x;
  const int32_t *labels;
  int32_t n;
  double loss;
  int32_t correct;
} batch_sums;

static nl_status pass_part(nl_trainer *trainer, void *of, int32_t first, int32_t n, int32_t mode) {
  batch_sums *sums = of;
  nl_model *model = trainer->model;
  const double share = (double)n / sums->n;
  double loss;
  int32_t correct;
  NL_TRY(pass(trainer, &loss, &correct, sums->x + (size_t)first * model->nodes[0].size, sums->labels + first, n, mode));
  sums->loss += share * loss;
  sums->correct += correct;
  nl_add_scaled(trainer->sum, model->grads, (float)share, (int32_t)model->param_size);
  return NL_OK;
}

static nl_status pass_in_parts(nl_trainer *trainer, double *loss, int32_t *correct, const float *x,
                               const int32_t *labels, int32_t n) {
  nl_model *model = trainer->model;
  batch_sums sums = {.x = x, .labels = labels, .n = n};
  memset(trainer->sum, 0, model->param_size * sizeof *trainer->sum);
  /* All of them before the first changes anything. */
  NL_TRY(each_part(trainer, check_part, NULL, n));
  NL_TRY(each_part(trainer, pass_part, &sums, n));
  memcpy(model->grads, trainer->sum, model->param_size * sizeof *model->grads);
  *loss = sums.loss;
  *correct = sums.correct;
  return NL_OK;
}

nl_status nl_trainer_measure(nl_trainer *trainer, int32_t bins) {
  NL_TRY(nl_measure_reserve(&trainer->measurement, trainer->model, bins));
  trainer->measures = true;
  return NL_OK;
}

const double *nl_trainer_measured(const nl_trainer *trainer) {
  return trainer->measured ? trainer->measurement.figures : NULL;
}

nl_status nl_trainer_step(nl_trainer *trainer, double *figures, const float *x, const int32_t *labels, int32_t n) {
  nl_model *model = trainer->model;
  const bool measures = trainer->measures;
  trainer->measures = false;
  NL_TRY(nl_model_enter(model, "nl_trainer_step"));
  NL_TRY(nl_check_samples("nl_trainer_step", n));
  NL_TRY(nl_model_check_targets(model, labels, n));
  const double rate = nl_trainer_rate(trainer);
  NL_CHECK(!isnan(rate), NL_STATE, "the %s schedule needs to know of how many steps it is: give it its steps",
           trainer->schedule->settings.name);
  NL_TRY(nl_model_reserve(model, n, true));
  model->nonfinite = -1;
  trainer->watch = measures ? &trainer->measurement : NULL;
  int32_t correct;
  NL_TRY(trainer->sum ? pass_in_parts(trainer, &figures[0], &correct, x, labels, n)
                      : pass(trainer, &figures[0], &correct, x, labels, n, NL_TRAIN));
  figures[1] = (double)correct / n;
  figures[2] = sqrt(nl_sum_of_squares(model->grads, (int32_t)model->param_size));
  if (measures) nl_measure_parameters(&trainer->measurement, model);
  trainer->measured = trainer->measured || measures;
  /* torch.nn.utils.clip_grad_norm_, with its 1e-6. */
  const double share = trainer->options[NL_CLIP_GRAD_NORM] / (figures[2] + 1e-6);
  if (share < 1) nl_multiply(model->grads, (float)share, (int32_t)model->param_size);
  return update(trainer, rate);
}

nl_status nl_trainer_begin(nl_trainer *trainer, const nl_dataset *dataset, int32_t batch_size, int32_t shuffle,
                           int32_t drop_last, double seed, int32_t epochs) {
  NL_TRY(nl_model_enter(trainer->model, "nl_trainer_begin"));
  NL_TRY(nl_dataset_check(dataset, trainer->model));
  NL_CHECK(batch_size >= 1, NL_ARGUMENT, "batchSize must be an integer >= 1, got %d", batch_size);
  NL_CHECK(seed >= 0 && seed < 0x1p53 && seed == floor(seed), NL_ARGUMENT,
           "seed: must be an integer in [0, 2^53), got %g", seed);
  NL_CHECK(epochs >= 0, NL_ARGUMENT, "epochs must be an integer >= 0, got %d", epochs);
  NL_CHECK(!drop_last || batch_size <= dataset->count, NL_ARGUMENT,
           "batchSize must be at most the %d samples of the data where the last batch is dropped, got %d",
           dataset->count, batch_size);
  if (batch_size > dataset->count) batch_size = dataset->count;
  NL_TRY(nl_model_reserve(trainer->model, batch_size, true));
  int32_t *order = NULL, *labels = NULL;
  float *x = NULL;
  nl_status status = nl_take((void **)&order, (uint64_t)dataset->count, sizeof *order);
  if (status == NL_OK)
    status = nl_take((void **)&x, (uint64_t)batch_size * (uint64_t)trainer->model->nodes[0].size, sizeof *x);
  if (status == NL_OK) status = nl_take((void **)&labels, (uint64_t)batch_size, sizeof *labels);
  if (status != NL_OK) {
    free(order);
    free(x);
    return status;
  }
  end_passes(trainer);
  trainer->order = order;
  trainer->labels = labels;
  trainer->x = x;
  trainer->dataset = dataset;
  trainer->batch_size = batch_size;
  trainer->shuffle = shuffle != 0;
  trainer->seed = (uint64_t)seed;
  trainer->epoch = trainer->step = 0;
  trainer->drawn = -1;
  trainer->steps_per_epoch = drop_last ? dataset->count / batch_size : (dataset->count - 1) / batch_size + 1;
  trainer->began = trainer->steps;
  trainer->planned = (double)epochs * trainer->steps_per_epoch;
  return NL_OK;
}

int32_t nl_trainer_steps_per_epoch(const nl_trainer *trainer) { return trainer->steps_per_epoch; }

static void draw_order(nl_trainer *trainer) {
  trainer->drawn = trainer->epoch;
  trainer->lent = NULL;
  nl_dataset_draw_order(trainer->order, trainer->dataset, trainer->shuffle, trainer->seed, trainer->epoch);
}

/* Where the next step is within its epoch, whose order is there then. */
static void enter_epoch(nl_trainer *trainer) {
  if (trainer->step == trainer->steps_per_epoch) {
    trainer->step = 0;
    trainer->epoch++;
  }
  if (trainer->drawn != trainer->epoch) draw_order(trainer);
}

int32_t nl_trainer_upcoming(nl_trainer *trainer, int32_t *samples, int32_t k) {
  if (!trainer->dataset) return 0;
  enter_epoch(trainer);
  const int32_t steps = at_most(k, trainer->steps_per_epoch - trainer->step);
  const int32_t first = trainer->step * trainer->batch_size;
  const int32_t n = (int32_t)fmin((double)steps * trainer->batch_size, trainer->dataset->count - first);
  memcpy(samples, trainer->order + first, (size_t)n * sizeof *samples);
  return n;
}

void nl_trainer_lend(nl_trainer *trainer, const void *images, int32_t count) {
  trainer->lent = images;
  trainer->lent_from = trainer->step * trainer->batch_size;
  trainer->lent_count = count;
}

/* The images of the next n samples where they are lent; NULL where the set has its own. */
static nl_status find_lent(const nl_trainer *trainer, const void **lent, int32_t first, int32_t n) {
  const nl_dataset *dataset = trainer->dataset;
  *lent = NULL;
  if (dataset->images) return NL_OK;
  const int32_t at = first - trainer->lent_from;
  NL_CHECK(trainer->lent && at >= 0 && n <= trainer->lent_count - at, NL_STATE,
           "nl_trainer_run: the images of this step were not lent");
  const size_t sample = (size_t)dataset->channels * dataset->pixels * (dataset->is_float ? sizeof(float) : 1);
  *lent = (const char *)trainer->lent + (size_t)at * sample;
  return NL_OK;
}

nl_status nl_trainer_run(nl_trainer *trainer, double *figures, int32_t *done, int32_t k) {
  *done = 0;
  NL_TRY(nl_model_enter(trainer->model, "nl_trainer_run"));
  NL_CHECK(trainer->dataset, NL_STATE, "nl_trainer_run: call nl_trainer_begin first");
  enter_epoch(trainer);
  while (*done < k && trainer->step < trainer->steps_per_epoch) {
    const int32_t first = trainer->step * trainer->batch_size, left = trainer->dataset->count - first;
    const int32_t n = left < trainer->batch_size ? left : trainer->batch_size;
    const void *lent;
    NL_TRY(find_lent(trainer, &lent, first, n));
    nl_dataset_draw(trainer->x, trainer->labels, trainer->dataset, lent, trainer->order, trainer->seed, trainer->epoch,
                    first, n);
    NL_TRY(nl_trainer_step(trainer, figures, trainer->x, trainer->labels, n));
    trainer->step++;
    ++*done;
    if (!isfinite(figures[0])) break;
    figures += 3;
  }
  return NL_OK;
}

/* The one list of what nl_trainer_progress tells. */
enum { STEPS, BEGAN, PLANNED, DONE, PROGRESS };
const char nl_trainer_progress_names[] = "steps,began,planned,done";

int32_t nl_trainer_progress_count(void) { return PROGRESS; }

void nl_trainer_progress(const nl_trainer *trainer, double *values) {
  values[STEPS] = trainer->steps;
  values[BEGAN] = trainer->began;
  values[PLANNED] = trainer->planned;
  values[DONE] = (double)trainer->epoch * trainer->steps_per_epoch + trainer->step;
}

nl_status nl_trainer_set_progress(nl_trainer *trainer, const double *values) {
  for (int32_t i = 0; i < PROGRESS; i++)
    NL_CHECK(values[i] >= 0 && values[i] < 0x1p53 && values[i] == floor(values[i]), NL_ARGUMENT,
             "progress %d of %s: must be an integer in [0, 2^53), got %g", i + 1, nl_trainer_progress_names, values[i]);
  NL_CHECK(values[BEGAN] + values[DONE] <= values[STEPS], NL_ARGUMENT,
           "progress: %g steps before the passes and %g in them are more than the %g taken", values[BEGAN],
           values[DONE], values[STEPS]);
  const int32_t length = trainer->steps_per_epoch;
  const double epoch = length > 0 ? floor(values[DONE] / length) : 0;
  NL_CHECK(epoch < INT32_MAX / 2, NL_ARGUMENT, "progress: %g steps are too many epochs of %d", values[DONE], length);
  trainer->steps = values[STEPS];
  trainer->began = values[BEGAN];
  trainer->planned = values[PLANNED];
  trainer->epoch = (int32_t)epoch;
  trainer->step = length > 0 ? (int32_t)(values[DONE] - epoch * length) : 0;
  return NL_OK;
}

float *nl_trainer_kept(nl_trainer *trainer, int32_t which, int32_t index) {
  const nl_model *model = trainer->model;
  if (which < 0 || which >= trainer->optimizer->kept(trainer->args)) return NULL;
  if (index < 0 || index >= model->tensor_count || model->tensors[index].role > NL_BIAS) return NULL;
  return trainer->state + (size_t)which * model->param_size + model->tensors[index].at;
}
