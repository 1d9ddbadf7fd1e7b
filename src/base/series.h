/* Functions by their series: the C library's differ from one to the next in their last bits, and are large: its logarithm, power and exp bring tables of 10 KB. */
#ifndef NL_SERIES_H
#define NL_SERIES_H

/** cos(x) of x in [0, pi / 2], to float64. */
double nl_cosine(double x);
/** Natural logarithm, to float64: -infinity of 0, NaN below. */
double nl_log(double x);
/** exp(x), to float64. */
double nl_exp(double x);

#endif
