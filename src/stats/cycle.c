/* SPDX-License-Identifier: Apache-2.0 */
/* The busy stretch is the two-level step that leaves the least squares, all 48 x 41 of them tried.
 * On powers of 0.7, between the counts and their square roots: a lunch dip or an evening peak
 * inside the busy hours then weighs less than the edges, and an evening at 0.4 is still not busy.
 * Its range comes from whole days drawn again: days are what varies, half hours within a day move
 * together. */
#include "stats/cycle.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "stats/order.h"

enum { BUSY_MIN = 4, BUSY_MAX = 44, HARMONICS = 3 };

static const double FLATTENED = 0.7, LIKENESS = 80;
const double CYCLE_SPREAD_H = 1.0;

/* Ways in which populations are known to spend a day, by their own clock: hours of work only, the
 * long day that the 2017 study found, longer ones; then homes, quietest at half past four and
 * busiest at half past eight in the evening; and a plain swing around three in the afternoon. */
static const struct {
    double from_h, to_h;
} spans[] = {{9, 17.5}, {9, 20.5}, {8.5, 22}, {7, 23}};
enum { SPANS = sizeof(spans) / sizeof(spans[0]), WAYS = SPANS + 2 };
static const double NIGHT = 0.12, EVENING = 0.34, EVENING_H = 2;

struct busy busy_find(const double profile[CYCLE_SLOTS])
{
    struct busy best = {0, 0, 1, -1};
    double x[CYCLE_SLOTS], sum = 0, squares = 0, raw = 0;
    for (int i = 0; i < CYCLE_SLOTS; i++) {
        x[i] = pow(fmax(0, profile[i]), FLATTENED);
        sum += x[i];
        squares += x[i] * x[i];
        raw += profile[i];
    }
    double variance = squares - sum * sum / CYCLE_SLOTS;
    for (int from = 0; from < CYCLE_SLOTS; from++) {
        double in = 0, in_raw = 0;
        for (int len = 1; len <= BUSY_MAX; len++) {
            int at = (from + len - 1) % CYCLE_SLOTS;
            in += x[at];
            in_raw += profile[at];
            double out_mean = (sum - in) / (CYCLE_SLOTS - len), in_mean = in / len;
            double between = len * (double)(CYCLE_SLOTS - len) / CYCLE_SLOTS *
                             (in_mean - out_mean) * (in_mean - out_mean);
            if (len < BUSY_MIN || in_mean <= out_mean || between <= best.fit + 1e-12 * variance)
                continue;
            double out_raw = (raw - in_raw) / (CYCLE_SLOTS - len);
            best = (struct busy){from, (from + len) % CYCLE_SLOTS,
                                 out_raw > 0 ? in_raw / len / out_raw : INFINITY, between};
        }
    }
    best.fit = variance > 0 && best.fit > 0 ? best.fit / variance : 0;
    return best;
}

static void profile_add(double profile[CYCLE_SLOTS], const double *day)
{
    for (int i = 0; i < CYCLE_SLOTS; i++)
        profile[i] += day[i];
}

/* Signed distance around the clock, in [-24 h, +24 h) / 2. */
static int around(int from, int to)
{
    return ((to - from + CYCLE_SLOTS + CYCLE_SLOTS / 2) % CYCLE_SLOTS) - CYCLE_SLOTS / 2;
}

static void range_of(double *shift, size_t draws, int at, int *low, int *high)
{
    sort_doubles(shift, draws);
    *low = (at + (int)floor(quantile_sorted(shift, draws, 0.025)) + CYCLE_SLOTS) % CYCLE_SLOTS;
    *high = (at + (int)ceil(quantile_sorted(shift, draws, 0.975)) + CYCLE_SLOTS) % CYCLE_SLOTS;
}

struct busy_range busy_range(const double *day, size_t n, size_t draws, uint64_t seed)
{
    struct busy_range r = {0};
    double profile[CYCLE_SLOTS] = {0};
    double *from = memory_array(draws, sizeof(*from)), *to = memory_array(draws, sizeof(*to));
    struct random random;
    size_t same = 0;
    assert(n > 0 && draws > 1);
    for (size_t i = 0; i < n; i++)
        profile_add(profile, day + i * CYCLE_SLOTS);
    r.found = busy_find(profile);
    random_init_named(&random, seed, "busy");
    for (size_t d = 0; d < draws; d++) {
        double redrawn[CYCLE_SLOTS] = {0};
        for (size_t i = 0; i < n; i++)
            profile_add(redrawn, day + random_below(&random, n) * CYCLE_SLOTS);
        struct busy b = busy_find(redrawn);
        from[d] = around(r.found.from, b.from);
        to[d] = around(r.found.to, b.to);
        same += b.from == r.found.from && b.to == r.found.to;
    }
    range_of(from, draws, r.found.from, &r.from_low, &r.from_high);
    range_of(to, draws, r.found.to, &r.to_low, &r.to_high);
    r.found_share = (double)same / (double)draws;
    free(from);
    free(to);
    return r;
}

/* A day's first harmonics: cosine and sine sums. */
struct harmonics {
    double c[HARMONICS], s[HARMONICS];
};

static struct harmonics harmonics_of(const double *day)
{
    struct harmonics h = {0};
    for (int i = 0; i < CYCLE_SLOTS; i++)
        for (int k = 0; k < HARMONICS; k++) {
            double angle = 2 * M_PI * (k + 1) * (i + 0.5) / CYCLE_SLOTS;
            h.c[k] += day[i] * cos(angle);
            h.s[k] += day[i] * sin(angle);
        }
    return h;
}

/* Power at one to three cycles a day when each day is turned by turn[i] slots. */
static double power_of(const struct harmonics *h, const int *turn, size_t n)
{
    double power = 0;
    for (int k = 0; k < HARMONICS; k++) {
        double c = 0, s = 0;
        for (size_t i = 0; i < n; i++) {
            double angle = turn ? 2 * M_PI * (k + 1) * turn[i] / CYCLE_SLOTS : 0;
            c += h[i].c[k] * cos(angle) - h[i].s[k] * sin(angle);
            s += h[i].s[k] * cos(angle) + h[i].c[k] * sin(angle);
        }
        power += c * c + s * s;
    }
    return power;
}

/* Hour of the day to which one cycle a day points, [0, 24). */
static double centre_of(const struct harmonics *h, size_t n)
{
    double c = 0, s = 0;
    for (size_t i = 0; i < n; i++)
        c += h[i].c[0], s += h[i].s[0];
    double hour = atan2(s, c) / (2 * M_PI) * 24;
    return hour < 0 ? hour + 24 : hour;
}

struct diurnal diurnal_strength(const double *day, size_t n, size_t draws, uint64_t seed)
{
    struct diurnal d = {.draws = draws, .p = 1};
    struct harmonics *h = memory_array(n + 1, sizeof(*h));
    int *turn = memory_array(n + 1, sizeof(*turn));
    double sum = 0, squares = 0, slots = (double)n * CYCLE_SLOTS;
    for (size_t i = 0; i < n; i++)
        h[i] = harmonics_of(day + i * CYCLE_SLOTS);
    for (size_t i = 0; i < n * CYCLE_SLOTS; i++)
        sum += day[i], squares += day[i] * day[i];
    double variance = squares - sum * sum / slots, power = power_of(h, NULL, n);
    if (n > 0 && variance > 0) {
        struct random random;
        size_t reached = 0;
        random_init_named(&random, seed, "diurnal");
        for (size_t k = 0; k < draws; k++) {
            for (size_t i = 0; i < n; i++)
                turn[i] = (int)random_below(&random, CYCLE_SLOTS);
            reached += power_of(h, turn, n) >= power;
        }
        d.strength = fmin(1, power * 2 / slots / variance);
        d.p = ((double)reached + 1) / ((double)draws + 1);
        d.centre_h = centre_of(h, n);
    }
    free(h);
    free(turn);
    return d;
}

/* Hours from `at` to the nearest `centre` around the clock, as a bell of that width. */
static double bell(double hour, double centre_h, double width_h)
{
    double away = remainder(hour - centre_h, 24) / width_h;
    return exp(-away * away / 2);
}

static double level_of_way(int way, double hour)
{
    if (way == SPANS)
        return 1 - 0.75 * bell(hour, 4.5, 2.6) + 0.5 * bell(hour, 20.5, 2.2);
    if (way > SPANS)
        return 1 - 0.8 * cos(2 * M_PI * (hour - 3) / 24);
    double since_end = fmod(hour - spans[way].to_h + 24, 24);
    if (hour >= spans[way].from_h && hour < spans[way].to_h)
        return 1;
    return since_end < EVENING_H ? EVENING : NIGHT;
}

/* Flattened, mean 0, squares 1. */
static void normalise(double x[CYCLE_SLOTS])
{
    double mean = 0, squares = 0;
    for (int i = 0; i < CYCLE_SLOTS; i++) {
        x[i] = pow(fmax(0, x[i]), FLATTENED);
        mean += x[i] / CYCLE_SLOTS;
    }
    for (int i = 0; i < CYCLE_SLOTS; i++) {
        x[i] -= mean;
        squares += x[i] * x[i];
    }
    for (int i = 0; i < CYCLE_SLOTS && squares > 0; i++)
        x[i] /= sqrt(squares);
}

static void ways_fill(double way[WAYS][CYCLE_SLOTS])
{
    for (int w = 0; w < WAYS; w++) {
        for (int i = 0; i < CYCLE_SLOTS; i++)
            way[w][i] = level_of_way(w, (i + 0.5) * 24 / CYCLE_SLOTS);
        normalise(way[w]);
    }
}

/* Hours by which the population's clock is ahead of the slots', -12 to 12: each way of living at
 * each offset, weighed by how well it correlates. */
static double ahead_of(const double *profile, double way[WAYS][CYCLE_SLOTS])
{
    double x[CYCLE_SLOTS], fit[WAYS][CYCLE_SLOTS], best = -1, c = 0, s = 0;
    for (int i = 0; i < CYCLE_SLOTS; i++)
        x[i] = profile[i];
    normalise(x);
    for (int w = 0; w < WAYS; w++)
        for (int by = 0; by < CYCLE_SLOTS; by++) {
            fit[w][by] = 0;
            for (int i = 0; i < CYCLE_SLOTS; i++)
                fit[w][by] += x[i] * way[w][(i + by) % CYCLE_SLOTS];
            best = fmax(best, fit[w][by]);
        }
    for (int w = 0; w < WAYS; w++)
        for (int by = 0; by < CYCLE_SLOTS; by++) {
            double weight = exp(LIKENESS * (fit[w][by] - best));
            c += weight * cos(2 * M_PI * by / CYCLE_SLOTS);
            s += weight * sin(2 * M_PI * by / CYCLE_SLOTS);
        }
    return atan2(s, c) / (2 * M_PI) * 24;
}

struct utc_offset utc_offset_infer(const double *utc_day, size_t n, size_t draws, uint64_t seed)
{
    double profile[CYCLE_SLOTS] = {0}, way[WAYS][CYCLE_SLOTS];
    double *apart = memory_array(draws, sizeof(*apart));
    struct random random;
    assert(n > 0 && draws > 1);
    for (size_t i = 0; i < n; i++)
        profile_add(profile, utc_day + i * CYCLE_SLOTS);
    ways_fill(way);
    /* Zones run from -12 to +14; the hours past +12 cannot be told from their twins. */
    double offset = ahead_of(profile, way);
    random_init_named(&random, seed, "utc-offset");
    for (size_t d = 0; d < draws; d++) {
        double redrawn[CYCLE_SLOTS] = {0};
        for (size_t i = 0; i < n; i++)
            profile_add(redrawn, utc_day + random_below(&random, n) * CYCLE_SLOTS);
        apart[d] = remainder(ahead_of(redrawn, way) - offset, 24);
    }
    sort_doubles(apart, draws);
    double low = quantile_sorted(apart, draws, 0.025), high = quantile_sorted(apart, draws, 0.975);
    free(apart);
    return (struct utc_offset){.minutes = round(offset * 2) * 30,
                               .low = (offset + low - CYCLE_SPREAD_H) * 60,
                               .high = (offset + high + CYCLE_SPREAD_H) * 60};
}
