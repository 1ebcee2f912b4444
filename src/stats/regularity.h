/* SPDX-License-Identifier: Apache-2.0 */
/* Does somebody call at even intervals? docs/methods.md, Lasting relationships. Any thread. */
#ifndef TELLTALE_STATS_REGULARITY_H
#define TELLTALE_STATS_REGULARITY_H

#include <stddef.h>
#include <stdint.h>

enum { REGULARITY_SLOTS = 48, REGULARITY_INTERVALS_MIN = 3 };

/* RITA v5's score of the times between connections: the mean of 1 - |Bowley's skewness| and
 * 1 - median absolute deviation / median, to three decimals; 0 is ragged, 1 even. Intervals of 0
 * are left out; NAN with fewer than three others. Sorts `intervals_s`. */
double regularity_score(double *intervals_s, size_t n);

/* Arrivals of one pair: at_s[first[d] .. first[d + 1]) are those of day d, ascending and distinct,
 * in seconds on one clock; day d begins at day_s[d] of it. */
struct arrivals {
    size_t days;
    const size_t *first; /* days + 1 */
    const uint32_t *at_s;
    const uint32_t *day_s; /* days */
};

struct regularity {
    double score;    /* mean of the days' scores, or of the whole where days hold too few; NAN */
    double steady;   /* part of the time that intervals within a quarter of the median fill */
    double period_s; /* median of the days' median intervals */
    size_t days;     /* days that had enough; 0: the whole was taken as one */
};

struct regularity regularity_of(const struct arrivals *a);

/* Chance of score * steady (days weighed by the time they span) as high, were each day's arrivals
 * placed at random by the profile
 * (`until`: cumulative parts of 48 half hours, the last is 1). Besag and Clifford 1991: drawing
 * stops at the tenth draw that is as high. *ret_draws is how many were drawn. */
double regularity_p(const struct arrivals *a, const double until[REGULARITY_SLOTS],
                    size_t draws_max, uint64_t seed, size_t *ret_draws);

#endif
