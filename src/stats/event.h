/* SPDX-License-Identifier: Apache-2.0 */
/* Does a daily series move with events? docs/methods.md, Events. Days are 0..n-1 of the study; NAN
 * is a day without data. Any thread. */
#ifndef TELLTALE_STATS_EVENT_H
#define TELLTALE_STATS_EVENT_H

#include <stddef.h>
#include <stdint.h>

enum { LAG_FIRST = -7, LAG_LAST = 3, LAGS = LAG_LAST - LAG_FIRST + 1 };
enum { EVENT_BEFORE, EVENT_ON, EVENT_AFTER, EVENT_WINDOWS }; /* -7..-1, 0, +1..+3 */

/* Log ratio of each day to the median of its weekday in the eight weeks around (the day itself left
 * out), less the whole series' median; NAN where nothing can be said. `weekday` is that of day 0,
 * 0 to 6. */
void event_series(const double *x, size_t n, int weekday, double *ret);

struct event_effect {
    double effect, low, high; /* log ratio; `level` of shifts lie within */
    double p;
};

struct event_result {
    double sd;    /* of the series */
    size_t draws; /* circular shifts of the series, filled up to whole weeks, and of its mirror */
    struct event_effect window[EVENT_WINDOWS], lag[LAGS];
    struct event_effect near; /* the day before, the day and the day after, for dates in doubt */
    double p_any;             /* max-T over all lags: does any lag stand out */
    double lag_p[LAGS];       /* each lag, adjusted by max-T */
    double equivalence; /* the day's own effect is within +-this (two one-sided tests at 5%) */
};

/* From the raw daily series x. `events` are days 0..n-1 (others are ignored by the windows they
 * miss). Null: the events turned in a circle over the series and over its mirror, each position
 * with a usual that leaves out the days it asks about. p = (b + 1) / (m + 1), two-sided, and no
 * less than 1 / n. */
struct event_result event_test(const double *x, size_t n, const int *events, size_t event_count,
                               double level, uint64_t seed);

/* Sensitivity: the day's own effect against other nulls. */
double event_p_shuffled(const double *series, size_t n, const int *events, size_t event_count,
                        int weekday, int by_weekday, size_t draws, uint64_t seed);

/* The smallest log ratio on the event days that the test finds (p <= 0.05) with at least
 * `power`, by planting it at every turned position. */
double event_detectable(const double *x, size_t n, int weekday, const int *events,
                        size_t event_count, double power);

#endif
