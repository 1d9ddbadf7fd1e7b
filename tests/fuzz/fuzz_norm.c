/*
 * A normalization layer through the public header: any settings, any shapes in any order of calls, any values. Beside what
 * the sanitizers see, it must hold that a refused call changes nothing, that only training moves running statistics, that
 * inputs are read only, that equal calls give equal bits, and that the engine works afterwards.
 */
#include "input.h"

#include <math.h>

enum { MOST_VALUES = 2048, MOST_CALLS = 8 };

typedef enum { BATCH, LAYER, GROUP, INSTANCE, RMS, TYPES } type;
static const struct {
  const char *name;
  int32_t settings;
  bool trailing; /* over trailing dimensions, given by the first six settings */
} types[TYPES] = {
    {"batchNorm", 6, false},    {"layerNorm", 9, true}, {"groupNorm", 4, false},
    {"instanceNorm", 4, false}, {"rmsNorm", 8, true},
};

/* A layer and its last forward pass. */
typedef struct {
  type type;
  nl_norm *norm;
  int32_t features, normalized[NL_MAX_DIMS], normalized_ndim;
  bool ran;
  int64_t size;
  const float *x;
} layer;

/* ---- making one ---- */

static double take_bool(input *in) { return take_byte(in) & 1; }
static double take_eps(input *in) {
  static const double usual[] = {1e-5, 1e-5, 1e-3, 0};
  return usual[take_byte(in) % 4];
}

/* Settings that are legal: which, is up to the bytes. */
static void take_settings(input *in, layer *l, double *args) {
  int32_t at = 0;
  if (types[l->type].trailing) {
    l->normalized_ndim = take_range(in, 1, 3);
    args[at++] = l->normalized_ndim;
    for (int32_t i = 0; i < NL_MAX_DIMS; i++) {
      l->normalized[i] = take_chance(in, 8) ? 0 : take_range(in, 1, 6);
      args[at++] = l->normalized[i];
    }
  }
  if (l->type == GROUP) {
    const int32_t groups = take_range(in, 1, 4);
    args[at++] = groups;
    l->features *= groups;
  }
  args[at++] = l->type == RMS && take_chance(in, 64) ? (double)NAN : take_eps(in);
  if (l->type == BATCH || l->type == INSTANCE) {
    static const double momenta[] = {0.1, 0, 1, 0.5, -0.5, 2};
    args[at++] = l->type == BATCH && take_chance(in, 64) ? (double)NAN : momenta[take_byte(in) % 6];
  }
  while (at < types[l->type].settings) args[at++] = take_bool(in);
}

/* False where the layer was refused. */
static bool make(input *in, layer *l) {
  *l = (layer){.type = (type)take_range(in, 0, TYPES - 1)};
  l->features = take_range(in, 1, 9);
  double usual[16] = {0};
  take_settings(in, l, usual);
  int32_t count = types[l->type].settings, dims = take_range(in, 0, 3), kind = type_named(types[l->type].name);
  const uint8_t wild = take_byte(in);
  if (wild == 255) count = take_range(in, 0, 12);
  if (wild == 254) dims = take_wild_integer(in);
  if (wild == 253) kind = take_range(in, -1, 40);
  if (wild == 252) l->features = take_wild_integer(in);
  double *args = copied(usual, count, sizeof *args);
  for (int i = 0; count > 0 && wild >= 240 && wild < 252 && i < wild - 239; i++)
    args[take_byte(in) % count] = take_wild_number(in);
  nl_norm *const before = (nl_norm *)(void *)args;
  l->norm = before;
  const nl_status status = nl_norm_create(&l->norm, kind, args, count, l->features, dims);
  must_be_status(status);
  if (status != NL_OK) MUST(l->norm == before);
  return status == NL_OK;
}

/* ---- what a layer holds ---- */

typedef struct {
  float *tensor[NL_ROLES];
  double batches;
  int32_t saved;
  double *mean, *invstd;
} state;

static state state_of(layer *l) {
  state s = {{NULL}, nl_norm_batches_tracked(l->norm), nl_norm_saved_count(l->norm), NULL, NULL};
  for (int32_t role = 0; role < NL_ROLES; role++)
    s.tensor[role] = copied(nl_norm_tensor(l->norm, role), nl_norm_size(l->norm, role), sizeof(float));
  MUST(s.saved >= 0);
  s.mean = copied(nl_norm_saved_mean(l->norm), s.saved, sizeof(double));
  s.invstd = copied(nl_norm_saved_invstd(l->norm), s.saved, sizeof(double));
  return s;
}

static void must_keep_tensors(layer *l, const state *s, int32_t first, int32_t last) {
  for (int32_t role = first; role <= last; role++)
    MUST(same_floats(nl_norm_tensor(l->norm, role), s->tensor[role], nl_norm_size(l->norm, role)));
}

static bool same_number(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void must_keep_all(layer *l, const state *s) {
  must_keep_tensors(l, s, NL_WEIGHT, NL_RUNNING_VAR);
  MUST(same_number(nl_norm_batches_tracked(l->norm), s->batches));
  MUST(nl_norm_saved_count(l->norm) == s->saved);
  for (int32_t i = 0; i < s->saved; i++) {
    MUST(same_number(nl_norm_saved_mean(l->norm)[i], s->mean[i]));
    MUST(same_number(nl_norm_saved_invstd(l->norm)[i], s->invstd[i]));
  }
}

/* ---- calls ---- */

/* Mostly a shape that fits; the number of dimensions is returned. */
static int32_t take_shape(input *in, const layer *l, int32_t *shape) {
  int32_t ndim = 0;
  if (types[l->type].trailing) {
    const int32_t leading = take_range(in, 0, NL_MAX_DIMS - l->normalized_ndim);
    while (ndim < leading) shape[ndim++] = take_range(in, 0, 4);
    for (int32_t i = 0; i < l->normalized_ndim; i++) shape[ndim++] = l->normalized[i];
  } else {
    const int32_t wanted = take_range(in, 2, NL_MAX_DIMS);
    const bool batched = !take_chance(in, 64);
    if (batched) shape[ndim++] = take_range(in, 0, 5);
    shape[ndim++] = l->features;
    while (ndim < wanted) shape[ndim++] = take_range(in, 0, 6);
  }
  const uint8_t wild = take_byte(in);
  if (wild > 240 && ndim > 0) shape[take_byte(in) % ndim] = take_wild_integer(in);
  if (wild == 240) ndim = take_range(in, -1, 7);
  return ndim;
}

/*
 * The number of values; -1 for a shape that the engine has to refuse. One that is too large to be tried, or that would be
 * but for a 0, has more than MOST_VALUES.
 */
static int64_t size_of(const int32_t *shape, int32_t ndim) {
  int64_t size = 1, whole = 1;
  if (ndim < 0 || ndim > NL_MAX_DIMS) return -1;
  for (int32_t i = 0; i < ndim; i++) {
    if (shape[i] < 0) return -1;
    whole *= shape[i] > 0 ? shape[i] : 1;
    if (whole > INT32_MAX) return -1;
    size *= shape[i];
  }
  return whole > MOST_VALUES ? whole : size;
}

static void forward(input *in, layer *l) {
  int32_t shape[8] = {2, 2, 2, 2, 2, 2, 2, 2};
  const int32_t ndim = take_shape(in, l, shape), mode = take_range(in, NL_EVAL, NL_PROBE);
  const int64_t size = size_of(shape, ndim), room = size < 0 ? 0 : size;
  if (size > MOST_VALUES) return;
  const int32_t *exact = copied(shape, ndim > 0 ? ndim : 0, sizeof *shape);
  float *x = take_floats(in, room);
  const bool in_place = take_chance(in, 32);
  float *y = in_place ? x : BLOCK(float, room);
  const float *x_before = copied(x, room, sizeof *x), *y_before = copied(y, room, sizeof *y);
  const state before = state_of(l);
  const nl_status status = nl_norm_forward(l->norm, y, x, exact, ndim, mode);
  must_be_status(status);
  if (size < 0) MUST(status != NL_OK);
  if (status != NL_OK) {
    must_keep_all(l, &before);
    MUST(same_floats(y, y_before, room));
    return;
  }
  if (!in_place) MUST(same_floats(x, x_before, room));
  must_keep_tensors(l, &before, NL_WEIGHT, NL_BIAS);
  if (mode != NL_TRAIN || size == 0) must_keep_tensors(l, &before, NL_RUNNING_MEAN, NL_RUNNING_VAR);
  const bool counts = mode == NL_TRAIN && l->type == BATCH && before.batches >= 0;
  MUST(same_number(nl_norm_batches_tracked(l->norm), before.batches + counts));
  l->ran = true;
  l->size = size;
  l->x = x_before;
  const state after = state_of(l);
  float *again = BLOCK(float, room);
  if (mode == NL_TRAIN) return;
  MUST(nl_norm_forward(l->norm, again, x_before, exact, ndim, mode) == NL_OK);
  MUST(same_floats(again, y, room));
  must_keep_all(l, &after);
}

static void backward(input *in, layer *l) {
  const int64_t weights = nl_norm_size(l->norm, NL_WEIGHT), biases = nl_norm_size(l->norm, NL_BIAS);
  const uint8_t wanted = take_byte(in);
  const float *dy = take_floats(in, l->size), *x = l->x ? l->x : BLOCK(float, 0);
  const float *dy_before = copied(dy, l->size, sizeof *dy), *x_before = copied(x, l->size, sizeof *x);
  const state before = state_of(l);
  float *dx[2], *dweight[2], *dbias[2];
  for (int i = 0; i < 2; i++) {
    dx[i] = wanted & 1 ? NULL : BLOCK(float, l->size);
    dweight[i] = wanted & 2 ? NULL : BLOCK(float, weights);
    dbias[i] = wanted & 4 ? NULL : BLOCK(float, biases);
    const nl_status status = nl_norm_backward(l->norm, dx[i], dweight[i], dbias[i], dy, x);
    must_be_status(status);
    MUST(status == (l->ran ? NL_OK : NL_STATE));
  }
  must_keep_all(l, &before);
  MUST(same_floats(dy, dy_before, l->size) && same_floats(x, x_before, l->size));
  if (dx[0]) MUST(same_floats(dx[0], dx[1], l->size));
  if (dweight[0]) MUST(same_floats(dweight[0], dweight[1], weights));
  if (dbias[0]) MUST(same_floats(dbias[0], dbias[1], biases));
  for (int64_t i = 0; l->ran && l->size == 0 && dweight[0] && i < weights; i++) MUST(dweight[0][i] == 0);
  for (int64_t i = 0; l->ran && l->size == 0 && dbias[0] && i < biases; i++) MUST(dbias[0][i] == 0);
}

static void write_tensor(input *in, layer *l) {
  const int32_t role = take_range(in, NL_WEIGHT, NL_RUNNING_VAR), size = nl_norm_size(l->norm, role);
  const float *values = take_floats(in, size);
  for (int32_t i = 0; i < size; i++) nl_norm_tensor(l->norm, role)[i] = values[i];
}

static void set_batches(input *in, layer *l) {
  const double before = nl_norm_batches_tracked(l->norm), wanted = take_wild_number(in);
  nl_norm_set_batches_tracked(l->norm, wanted);
  MUST(same_number(nl_norm_batches_tracked(l->norm), before >= 0 && wanted >= 0 ? wanted : before));
}

static void reset(layer *l) {
  const state before = state_of(l);
  nl_norm_reset_running_stats(l->norm);
  must_keep_tensors(l, &before, NL_WEIGHT, NL_BIAS);
  MUST(nl_norm_batches_tracked(l->norm) == (before.batches >= 0 ? 0 : -1));
  for (int32_t i = 0; i < nl_norm_size(l->norm, NL_RUNNING_VAR); i++)
    MUST(nl_norm_tensor(l->norm, NL_RUNNING_MEAN)[i] == 0 && nl_norm_tensor(l->norm, NL_RUNNING_VAR)[i] == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, data + size};
  layer l;
  if (make(&in, &l)) {
    for (int call = 0; call < MOST_CALLS && (call < 2 || in.at < in.end); call++) {
      const uint8_t kind = take_byte(&in);
      if (kind < 128)
        call % 2 == 0 ? forward(&in, &l) : backward(&in, &l);
      else if (kind < 176)
        forward(&in, &l);
      else if (kind < 208)
        backward(&in, &l);
      else if (kind < 232)
        write_tensor(&in, &l);
      else if (kind < 244)
        set_batches(&in, &l);
      else
        reset(&l);
    }
    nl_norm_destroy(l.norm);
  }
  must_still_work();
  give_back_blocks();
  return 0;
}
