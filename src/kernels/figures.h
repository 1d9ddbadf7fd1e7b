/* Figures that describe many values: moments and histograms. */
#ifndef NL_FIGURES_H
#define NL_FIGURES_H

#include "base/status.h"

#include <stdint.h>

/* x [size]; with a gate those count as 0 where it is not positive: a gradient on its way through a relu, of which the gate
   is the output. */
typedef struct {
  const float *x, *gate;
  int32_t size;
} nl_values;

/* Of the finite values; NaN where there is none. std is the population's. */
enum { NL_MEAN, NL_STD, NL_MIN, NL_MAX, NL_NONFINITE, NL_MOMENTS };

void nl_describe(double moments[NL_MOMENTS], nl_values values);
/** Whether a histogram may have so many bins. */
nl_status nl_check_bins(int32_t bins);
/** edges = low and high of a histogram that holds values from min to max, which may be equal or NaN; low < high. */
void nl_histogram_edges(double edges[2], double min, double max);
/** counts [bins] of equal width; values that are not finite are counted nowhere. */
void nl_histogram(double *counts, nl_values values, const double edges[2], int32_t bins);

#endif
