/* SPDX-License-Identifier: Apache-2.0 */
/* Where a daily series changes its level. Any thread. */
#ifndef TELLTALE_STATS_CHANGE_H
#define TELLTALE_STATS_CHANGE_H

#include <stddef.h>

enum { BREAKS_MAX = 8 };

/* The best division of x into breaks + 1 stretches of at least `shortest`, by least squares over
 * all divisions: at[i] is how many observations lie before break i. Returns the residual squares;
 * infinite when x is too short. bic: Gaussian, each mean, each break and the variance counted. */
double breaks_fit(const double *x, size_t n, size_t shortest, size_t breaks, size_t at[BREAKS_MAX],
                  double *ret_bic);

struct change {
    size_t at;              /* first day of the new level */
    size_t at_low, at_high; /* 95% of dates: likelihood ratio within 7.35 (Hansen 2000) */
    double before, after;   /* means a day */
    double statistic; /* likelihood ratio over dispersion and lean: chi-squared, 1 degree, sup */
    double p;         /* all days together (Bonferroni) */
    double dispersion, lean;
};

/* Changes of a series of daily counts, in order of date, at most `room`: the likeliest first, then
 * each side again (binary segmentation), as long as p <= `p_max` and the level changes by a factor
 * of at least `factor` (or from or to nothing). */
size_t changes_find(const double *count, size_t n, size_t shortest, double p_max, double factor,
                    struct change *ret, size_t room);

#endif
