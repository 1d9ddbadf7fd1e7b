#include "net/dataset.h"
#include "net/model.h"

#include <stdlib.h>

struct nl_trainer {
  nl_model *model;
  nl_sgd sgd;
  float *velocity; /* [model->param_size] */
  bool stepped;

  /* The passes that nl_trainer_begin began. */
  const nl_dataset *dataset;
  int32_t batch_size, steps_per_epoch;
  bool shuffle;
  uint64_t seed;
  int32_t epoch, step; /* the next step, within its epoch */
  int32_t *order;      /* [dataset->count] */
  float *x;            /* [batch_size, sample] */
  int32_t *labels;
};

static nl_status check_lr(double lr) {
  NL_CHECK(lr >= 0 && isfinite(lr), NL_ARGUMENT, "Invalid learning rate: %g (lr must be finite and >= 0)", lr);
  return NL_OK;
}

nl_status nl_trainer_create(nl_trainer **out, nl_model *model, double lr, double momentum, double dampening,
                            double weight_decay, int32_t nesterov) {
  NL_CHECK(model->finished, NL_STATE, "trainer: the model is not finished");
  NL_TRY(check_lr(lr));
  NL_CHECK(momentum >= 0 && isfinite(momentum), NL_ARGUMENT,
           "Invalid momentum value: %g (momentum must be finite and >= 0)", momentum);
  NL_CHECK(weight_decay >= 0 && isfinite(weight_decay), NL_ARGUMENT,
           "Invalid weight_decay value: %g (weightDecay must be finite and >= 0)", weight_decay);
  NL_CHECK(isfinite(dampening), NL_ARGUMENT, "Invalid dampening value: %g (dampening must be finite)", dampening);
  NL_CHECK(!nesterov || (momentum > 0 && dampening == 0), NL_ARGUMENT,
           "Nesterov momentum requires a momentum and zero dampening (got momentum %g, dampening %g)", momentum,
           dampening);
  nl_trainer *trainer;
  NL_TRY(nl_take((void **)&trainer, 1, sizeof *trainer));
  trainer->model = model;
  trainer->sgd = (nl_sgd){lr, momentum, dampening, weight_decay, nesterov != 0};
  nl_status status = nl_take((void **)&trainer->velocity, model->param_size, sizeof(float));
  if (status != NL_OK) {
    free(trainer);
    return status;
  }
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
  trainer->steps_per_epoch = 0;
}

void nl_trainer_destroy(nl_trainer *trainer) {
  if (!trainer) return;
  end_passes(trainer);
  free(trainer->velocity);
  free(trainer);
}

nl_status nl_trainer_set_lr(nl_trainer *trainer, double lr) {
  NL_TRY(check_lr(lr));
  trainer->sgd.lr = lr;
  return NL_OK;
}

nl_status nl_trainer_step(nl_trainer *trainer, double *figures, const float *x, const int32_t *labels, int32_t n) {
  nl_model *model = trainer->model;
  NL_TRY(nl_model_enter(model, "nl_trainer_step"));
  NL_TRY(nl_check_samples("nl_trainer_step", n));
  NL_TRY(nl_model_check_targets(model, labels, n));
  NL_TRY(nl_model_reserve(model, n, true));
  NL_TRY(nl_model_run_joined(model, x, n, NL_TRAIN, false));
  int32_t correct;
  NL_TRY(nl_model_learn(model, &figures[0], &correct, NULL, labels, n));
  figures[1] = (double)correct / n;
  figures[2] = sqrt(nl_sum_of_squares(model->grads, (int32_t)model->param_size));
  NL_TRY(nl_sgd_step(model->params, trainer->velocity, model->grads, &trainer->sgd, !trainer->stepped,
                     (int32_t)model->param_size));
  trainer->stepped = true;
  return NL_OK;
}

nl_status nl_trainer_begin(nl_trainer *trainer, const nl_dataset *dataset, int32_t batch_size, int32_t shuffle,
                           int32_t drop_last, double seed) {
  NL_TRY(nl_model_enter(trainer->model, "nl_trainer_begin"));
  NL_TRY(nl_dataset_check(dataset, trainer->model));
  NL_CHECK(batch_size >= 1, NL_ARGUMENT, "batchSize must be an integer >= 1, got %d", batch_size);
  NL_CHECK(seed >= 0 && seed < 0x1p53 && seed == floor(seed), NL_ARGUMENT,
           "seed: must be an integer in [0, 2^53), got %g", seed);
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
  trainer->steps_per_epoch = drop_last ? dataset->count / batch_size : (dataset->count - 1) / batch_size + 1;
  return NL_OK;
}

int32_t nl_trainer_steps_per_epoch(const nl_trainer *trainer) { return trainer->steps_per_epoch; }

/* Fisher and Yates, from a stream of the epoch's own: an order depends on seed and epoch alone. */
static void draw_order(nl_trainer *trainer) {
  const int32_t count = trainer->dataset->count;
  for (int32_t i = 0; i < count; i++) trainer->order[i] = i;
  if (!trainer->shuffle) return;
  nl_rng rng = nl_rng_make(trainer->seed, 1 + (uint64_t)trainer->epoch);
  for (int32_t i = count - 1; i > 0; i--) {
    int32_t j = (int32_t)nl_rng_below(&rng, (uint32_t)i + 1), swap = trainer->order[i];
    trainer->order[i] = trainer->order[j];
    trainer->order[j] = swap;
  }
}

nl_status nl_trainer_run(nl_trainer *trainer, double *figures, int32_t *done, int32_t k) {
  *done = 0;
  NL_TRY(nl_model_enter(trainer->model, "nl_trainer_run"));
  NL_CHECK(trainer->dataset, NL_STATE, "nl_trainer_run: call nl_trainer_begin first");
  if (trainer->step == trainer->steps_per_epoch) {
    trainer->step = 0;
    trainer->epoch++;
  }
  while (*done < k && trainer->step < trainer->steps_per_epoch) {
    if (trainer->step == 0) draw_order(trainer);
    const int32_t first = trainer->step * trainer->batch_size, left = trainer->dataset->count - first;
    const int32_t n = left < trainer->batch_size ? left : trainer->batch_size;
    nl_dataset_gather(trainer->x, trainer->labels, trainer->dataset, trainer->order + first, 0, n);
    NL_TRY(nl_trainer_step(trainer, figures, trainer->x, trainer->labels, n));
    trainer->step++;
    ++*done;
    if (!isfinite(figures[0])) break;
    figures += 3;
  }
  return NL_OK;
}
