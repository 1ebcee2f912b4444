/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of a day and of a week. Profiles have CYCLE_SLOTS half hours of local time. Any thread.
 */
#ifndef TELLTALE_STATS_CYCLE_H
#define TELLTALE_STATS_CYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CYCLE_SLOTS = 48 };

/* A stretch of the day, slot `from` to before slot `to` (it may pass midnight: to <= from). */
struct busy {
    int from, to;
    double contrast; /* mean inside over mean outside; infinite when nothing is outside */
    double fit;      /* share of the profile's variance the two levels explain, 0..1 */
};

/* The stretch of 2 to 22 hours whose two levels fit the profile (to the power of 0.7) best. */
struct busy busy_find(const double profile[CYCLE_SLOTS]);

struct busy_range {
    struct busy found;
    int from_low, from_high, to_low, to_high; /* 95% of redrawn days lie within */
    double found_share;                       /* of the draws that gave exactly `found` */
};

/* `day` is n rows of CYCLE_SLOTS counts; days are redrawn `draws` times. */
struct busy_range busy_range(const double *day, size_t n, size_t draws, uint64_t seed);

struct diurnal {
    double strength; /* share of the half hours' variance at one, two and three cycles a day */
    double p;        /* against days each turned by a random time */
    size_t draws;
    double centre_h; /* local hour around which activity lies: the phase of one cycle a day */
};

struct diurnal diurnal_strength(const double *day, size_t n, size_t draws, uint64_t seed);

/* The zone from activity in UTC slots: offset in minutes, half-hour steps. The profile is held
 * against the ways in which populations are known to spend a day; by how much one that gets up
 * earlier or later differs (CYCLE_SPREAD_H each way) makes most of low..high. */
extern const double CYCLE_SPREAD_H;
struct utc_offset {
    double minutes, low, high;
};
struct utc_offset utc_offset_infer(const double *utc_day, size_t n, size_t draws, uint64_t seed);

#endif
