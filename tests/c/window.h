/* A reference's window as the kernels take it. */
#ifndef TEST_WINDOW_H
#define TEST_WINDOW_H

#include "kernels/kernels.h"
#include "reference.h"

/** Fitted, and checked to give the output size that the reference computes. */
nl_window window_of(const ref_window *w);

#endif
