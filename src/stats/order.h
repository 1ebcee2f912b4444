/* SPDX-License-Identifier: Apache-2.0 */
/* Order statistics and corrections for many tests. Any thread. */
#ifndef TELLTALE_STATS_ORDER_H
#define TELLTALE_STATS_ORDER_H

#include <stddef.h>

void sort_doubles(double *x, size_t n); /* ascending, in place */
/* Linear between order statistics (Hyndman and Fan 1996, type 7); n >= 1. */
double quantile_sorted(const double *x, size_t n, double p);
double median_of(double *x, size_t n); /* sorts x */

/* Benjamini and Hochberg 1995: q[i], the least false discovery rate at which test i is flagged. */
void false_discovery(const double *p, size_t n, double *q);

#endif
