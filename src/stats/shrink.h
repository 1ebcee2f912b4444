/* SPDX-License-Identifier: Apache-2.0 */
/* Ratios of counts to expectations, shrunk towards what the others show: the gamma-Poisson mixture
 * of DuMouchel, "Bayesian Data Mining in Large Frequency Tables" (1999). Any thread. */
#ifndef TELLTALE_STATS_SHRINK_H
#define TELLTALE_STATS_SHRINK_H

#include <stddef.h>

/* The prior of the ratio: part `weight` of Gamma(alpha1, rate beta1), the rest Gamma(2). */
struct shrink_prior {
    double alpha1, beta1, alpha2, beta2, weight;
};

struct shrunk {
    double weight;    /* posterior chance of the first part */
    double value;     /* exp of the mean of the ratio's logarithm: EBGM */
    double low, high; /* quantiles at `tail` and 1 - tail */
};

/* By maximum likelihood from counts n (effective counts need not be whole) and expectations. */
struct shrink_prior shrink_fit(const double *count, const double *expected, size_t n);
struct shrunk shrink_ratio(const struct shrink_prior *prior, double count, double expected,
                           double tail);

#endif
