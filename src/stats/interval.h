/* SPDX-License-Identifier: Apache-2.0 */
/* Estimates from days, with intervals that hold for the long run: what other days of the same
 * population would show. Days are the unit and may lean on each other (docs/methods.md, Intervals,
 * has the coverage that was measured). Any thread; nothing is kept. */
#ifndef TELLTALE_STATS_INTERVAL_H
#define TELLTALE_STATS_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct estimate {
    double value, low, high, level;
    double error;          /* the half width over the normal quantile: a standard error */
    double days_effective; /* independent days worth as much */
    double lean;           /* correlation of a day with the next, as estimated */
};

/* A share: sum(part) / sum(whole), 0 <= part <= whole on each day. `days` are ascending day numbers
 * (gaps are allowed); n >= 1. Inside [0, 1] always. With nothing seen the low end is 0 and the high
 * end the zero bound of `whole` counts; with one day the interval is the whole range. */
struct estimate share_estimate(const int32_t *days, const double *part, const double *whole,
                               size_t n, double level);
/* The same where `part` is an amount (octets, scaled packets) of which one conversation carries
 * `unit` on average: the binomial noise of so many conversations is what days cannot lean on.
 * share_estimate() has unit 1; 0: unknown, none. */
struct estimate share_estimate_of(const int32_t *days, const double *part, const double *whole,
                                  size_t n, double unit, double level);
/* A ratio of non-negative sums that may pass 1 (a country against its expectation). */
struct estimate ratio_estimate(const int32_t *days, const double *part, const double *whole,
                               size_t n, double level);
/* The mean of a daily value; low may be below 0 only if `signed_value`. */
struct estimate mean_estimate(const int32_t *days, const double *value, size_t n, double level,
                              bool signed_value);
/* Chance of a share this far above `expected` if the long run's were no more (one-sided p). */
double share_exceeds_p(const int32_t *days, const double *part, const double *whole, size_t n,
                       double expected);

/* For comparison and for the record: percentile interval by blocks of `block` days drawn with
 * replacement. */
struct estimate block_bootstrap_ratio(const double *part, const double *whole, size_t n,
                                      size_t block, size_t draws, uint64_t seed, double level);

/* What sampling one of `interval` packets leaves open: `seen` sampled packets of a class. */
struct estimate sampled_estimate(double seen, double interval, double level);
/* `part` of `whole` sampled packets were of the class: its packets among `interval` x whole. */
struct estimate sampled_part_estimate(double part, double whole, double interval, double level);
/* Largest true count that shows nothing with probability 1 - level: -ln(1 - level) x interval. */
double zero_bound(double interval, double level);
/* Chance to see at least one packet of a flow of `packets`. */
double sampled_chance(double packets, double interval);

#endif
