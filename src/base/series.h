/* Functions by their series: the C library's differ from one to the next in their last bits, and are large. */
#ifndef NL_SERIES_H
#define NL_SERIES_H

/** cos(x) of x in [0, pi / 2], to float64. */
double nl_cosine(double x);
/** Natural logarithm of x in (0, 1], to 1e-10 of itself. */
double nl_log(double x);

#endif
