/* SPDX-License-Identifier: Apache-2.0 */
/* The pure statistics against series of which the truth is known: how often intervals hold it, how
 * often nothing is called something, how often something planted is found. Writes one JSON object a
 * line and measurement; calibrate.py makes docs/calibration.md of them.
 *
 *   calibrate_series SERIES [SECTION...]     SERIES a setting; sections: see below */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "stats/change.h"
#include "stats/cycle.h"
#include "stats/event.h"
#include "stats/guard.h"
#include "stats/interval.h"
#include "stats/order.h"
#include "stats/special.h"
#include "stats/walk.h"

enum { DAYS = 97, MOST_DAYS = 400, SEED = 20170401 };
static const double LEANS[] = {0, 0.3, 0.6, 0.9};
static size_t series_count;

/* `least`, `most`: the target for the share of `cases`; NAN where there is none. */
static void say(const char *section, const char *what, const char *setting, size_t cases,
                double share, double least, double most)
{
    printf("{\"section\":\"%s\",\"what\":\"%s\",\"setting\":\"%s\",\"cases\":%zu,\"share\":%.5f",
           section, what, setting, cases, share);
    if (isfinite(least))
        printf(",\"least\":%.4f", least);
    if (isfinite(most))
        printf(",\"most\":%.4f", most);
    printf(",\"seed\":%d}\n", SEED);
    fflush(stdout);
}

/* ---- draws ---- */

static void autoregress(struct random *r, double *z, size_t n, double lean)
{
    z[0] = random_normal(r);
    for (size_t i = 1; i < n; i++)
        z[i] = lean * z[i - 1] + sqrt(1 - lean * lean) * random_normal(r);
}

static double binomial(struct random *r, double n, double p)
{
    double m = n * p, x;
    if (m < 50)
        x = (double)random_poisson(r, m);
    else
        x = round(m + sqrt(m * (1 - p)) * random_normal(r));
    return fmin(n, fmax(0, x));
}

static double logit(double p)
{
    return log(p / (1 - p));
}

/* ---- intervals ---- */

struct shares {
    const char *name;
    double share, spread; /* of the days' shares, on the logit scale */
    double a_day, weekend;
    double sampling; /* one of so many is seen */
};

static const struct shares shares[] = {
    {"14%, spread 0.3", 0.14, 0.3, 30000, 0, 1},
    {"65%, spread 0.4", 0.65, 0.4, 30000, 0, 1},
    {"97%, spread 0.6", 0.97, 0.6, 30000, 0, 1},
    {"0.2%, spread 0.5", 0.002, 0.5, 30000, 0, 1},
    {"14%, weekends apart by 0.3", 0.14, 0.2, 30000, 0.3, 1},
    {"5%, 40 conversations a day", 0.05, 0.4, 40, 0, 1},
    {"0.001%, spread 0.5", 0.00001, 0.5, 30000, 0, 1},
    {"5 conversations in 97 days", 0.05 / 30000, 0, 30000, 0, 1},
    {"14% of packets, sampled 1:100", 0.14, 0.3, 300000, 0, 100},
    {"2% of packets, sampled 1:10,000", 0.02, 0.4, 3000000, 0, 10000},
};

/* The long run's share: the mean over the days' distribution. */
static double true_share(const struct shares *w)
{
    enum { POINTS = 1000 };
    double part = 0, whole = 0;
    for (int day = 0; day < 7; day++) {
        double size = w->weekend > 0 && day >= 5 ? 0.6 : 1;
        for (int i = 0; i < POINTS; i++) {
            double z = normal_quantile((i + 0.5) / POINTS);
            double at = logit(w->share) + (day >= 5 ? w->weekend : 0) + w->spread * z;
            part += size / (1 + exp(-at));
            whole += size;
        }
    }
    return part / whole;
}

static void draw_shares(struct random *r, const struct shares *w, size_t n, double lean,
                        double *part, double *whole)
{
    double z[MOST_DAYS], y[MOST_DAYS];
    unsigned phase = (unsigned)random_below(r, 7);
    autoregress(r, z, n, lean);
    autoregress(r, y, n, lean);
    for (size_t i = 0; i < n; i++) {
        bool weekend = (i + phase) % 7 >= 5;
        double size = w->weekend > 0 && weekend ? 0.6 : 1;
        double at = logit(w->share) + (weekend ? w->weekend : 0) + w->spread * z[i];
        double mean = w->a_day * size * exp(0.3 * y[i]) / w->sampling;
        whole[i] = w->sampling > 1 ? (double)random_poisson(r, mean) : round(mean);
        part[i] = binomial(r, whole[i], 1 / (1 + exp(-at)));
    }
}

/* A study that says "the days carry too little" has not claimed the interval. */
static bool says_too_little(const struct estimate *e)
{
    return e->days_effective < 8 || e->lean > 0.7;
}

static void share_intervals(void)
{
    static const size_t lengths[] = {14, 28, 56, 97, 365};
    int32_t days[MOST_DAYS];
    double part[MOST_DAYS], whole[MOST_DAYS];
    for (int i = 0; i < MOST_DAYS; i++)
        days[i] = 17257 + i;
    for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
        for (size_t l = 0; l < 5; l++)
            for (int a = 0; a < 4; a++) {
                struct random r;
                double truth = true_share(&shares[k]), held = 0, said = 0;
                char setting[128];
                random_init_named(&r, SEED, shares[k].name);
                for (size_t s = 0; s < series_count; s++) {
                    draw_shares(&r, &shares[k], lengths[l], LEANS[a], part, whole);
                    struct estimate e = share_estimate(days, part, whole, lengths[l], 0.95);
                    bool in = e.low <= truth && truth <= e.high;
                    held += in;
                    said += in || says_too_little(&e);
                }
                snprintf(setting, sizeof setting, "%s; %zu days, AR(1) %.1f", shares[k].name,
                         lengths[l], LEANS[a]);
                say("intervals",
                    LEANS[a] > 0.7 ? "share, held or said to be of too few days" : "share", setting,
                    series_count, (LEANS[a] > 0.7 ? said : held) / (double)series_count, 0.93,
                    LEANS[a] > 0.7 ? NAN : 0.97);
            }
}

static void mean_intervals(void)
{
    static const double spreads[] = {0.3, 0.8};
    static const size_t lengths[] = {14, 28, 97, 365};
    int32_t days[MOST_DAYS];
    double x[MOST_DAYS], z[MOST_DAYS];
    for (int i = 0; i < MOST_DAYS; i++)
        days[i] = 17257 + i;
    for (int k = 0; k < 2; k++)
        for (int l = 0; l < 4; l++)
            for (int a = 0; a < 4; a++) {
                struct random r;
                char setting[128];
                double held = 0, said = 0, s = spreads[k];
                random_init(&r, SEED + (uint64_t)k);
                for (size_t i = 0; i < series_count; i++) {
                    autoregress(&r, z, lengths[l], LEANS[a]);
                    for (size_t d = 0; d < lengths[l]; d++)
                        x[d] = (double)random_poisson(&r, 200 * exp(s * z[d] - s * s / 2));
                    struct estimate e = mean_estimate(days, x, lengths[l], 0.95, false);
                    bool in = e.low <= 200 && 200 <= e.high;
                    held += in;
                    said += in || says_too_little(&e);
                }
                snprintf(setting, sizeof setting, "200 a day, spread %.1f; %zu days, AR(1) %.1f", s,
                         lengths[l], LEANS[a]);
                say("intervals",
                    LEANS[a] > 0.7 ? "mean, held or said to be of too few days" : "mean", setting,
                    series_count, (LEANS[a] > 0.7 ? said : held) / (double)series_count, 0.93,
                    LEANS[a] > 0.7 ? NAN : 0.97);
            }
}

static void ratio_intervals(void)
{
    int32_t days[MOST_DAYS];
    double x[MOST_DAYS], y[MOST_DAYS], z[MOST_DAYS];
    for (int i = 0; i < MOST_DAYS; i++)
        days[i] = 17257 + i;
    for (int a = 0; a < 3; a++) {
        struct random r;
        char setting[128];
        double held = 0;
        random_init(&r, SEED + 7);
        for (size_t i = 0; i < series_count; i++) {
            autoregress(&r, z, DAYS, LEANS[a]);
            for (size_t d = 0; d < DAYS; d++) {
                x[d] = (double)random_poisson(&r, 300 * exp(0.4 * z[d] - 0.08));
                y[d] = (double)random_poisson(&r, 100);
            }
            struct estimate e = ratio_estimate(days, x, y, DAYS, 0.95);
            held += e.low <= 3 && 3 <= e.high;
        }
        snprintf(setting, sizeof setting, "3 to 1, spread 0.4; 97 days, AR(1) %.1f", LEANS[a]);
        say("intervals", "ratio", setting, series_count, held / (double)series_count, 0.93, 0.97);
    }
}

static void sampled_intervals(void)
{
    static const double intervals[] = {2, 100, 10000}, means[] = {3, 50, 2500};
    for (int k = 0; k < 3; k++)
        for (int m = 0; m < 3; m++) {
            struct random r;
            double held = 0, part_held = 0;
            char setting[128];
            random_init(&r, SEED + 11);
            for (size_t i = 0; i < series_count; i++) {
                double truth = means[m] * intervals[k];
                double seen = binomial(&r, truth, 1 / intervals[k]);
                struct estimate e = sampled_estimate(seen, intervals[k], 0.95);
                held += e.low <= truth && truth <= e.high;
                double part = binomial(&r, 2500, 0.4);
                e = sampled_part_estimate(part, 2500, intervals[k], 0.95);
                part_held += e.low <= 1000 * intervals[k] && 1000 * intervals[k] <= e.high;
            }
            snprintf(setting, sizeof setting, "1:%.0f, %.0f packets seen on average", intervals[k],
                     means[m]);
            /* Exact intervals of small counts hold more often, by their nature. */
            say("intervals", "sampled total", setting, series_count, held / (double)series_count,
                0.93, means[m] < 100 || intervals[k] < 10 ? NAN : 0.97);
            if (m == 2)
                say("intervals", "part of a sampled total", setting, series_count,
                    part_held / (double)series_count, 0.93, 0.97);
        }
}

/* ---- events ---- */

struct null_world {
    const char *name;
    int days, events[12], count;
    double lean, weekend, tail;
};

static const struct null_world nulls[] = {
    {"8 events, all on weekend days, weekend effect of 1 SD",
     DAYS,
     {5, 12, 20, 33, 47, 54, 68, 82},
     8,
     0,
     1,
     0},
    {"two clusters of 4 days, AR(1) 0.6", DAYS, {20, 21, 22, 23, 60, 61, 62, 63}, 8, 0.6, 0, 0},
    {"two clusters of 4 days, AR(1) 0.9", DAYS, {20, 21, 22, 23, 60, 61, 62, 63}, 8, 0.9, 0, 0},
    {"8 events apart, independent days", DAYS, {3, 14, 30, 41, 52, 66, 77, 88}, 8, 0, 0, 0},
    {"8 events apart, AR(1) 0.6, heavy tails", DAYS, {3, 14, 30, 41, 52, 66, 77, 88}, 8, 0.6, 0, 1},
    {"5 events, AR(1) 0.3", DAYS, {9, 31, 48, 66, 90}, 5, 0.3, 0, 0},
    {"3 events in 56 days", 56, {10, 25, 44}, 3, 0.3, 0, 0},
    {"12 events on weekend days in 365, AR(1) 0.6",
     365,
     {5, 33, 68, 103, 131, 166, 201, 229, 264, 299, 327, 355},
     12,
     0.6,
     1,
     0},
};

static void draw_null(struct random *r, const struct null_world *w, double *x)
{
    double z[MOST_DAYS];
    autoregress(r, z, (size_t)w->days, w->lean);
    for (int i = 0; i < w->days; i++) {
        double tail = w->tail > 0 && random_unit(r) < 0.03 ? random_exponential(r, w->tail) : 0;
        x[i] = exp(8 + 0.2 * (z[i] + (i % 7 >= 5 ? w->weekend : 0)) + tail);
    }
}

static void event_false_alarms(void)
{
    for (size_t k = 0; k < sizeof nulls / sizeof *nulls; k++) {
        const struct null_world *w = &nulls[k];
        size_t n = (size_t)w->days, count = (size_t)w->count;
        struct random r;
        double on = 0, any = 0, before = 0, claimed = 0, shuffle = 0, stratified = 0;
        random_init_named(&r, SEED, w->name);
        for (size_t i = 0; i < series_count; i++) {
            double x[MOST_DAYS], s[MOST_DAYS];
            draw_null(&r, w, x);
            event_series(x, n, 0, s);
            struct event_result e = event_test(x, n, w->events, count, 0.95, i + 1);
            on += e.window[EVENT_ON].p <= 0.05;
            before += e.window[EVENT_BEFORE].p <= 0.05;
            any += e.p_any <= 0.05;
            double least = 1;
            for (int v = 0; v < EVENT_WINDOWS; v++)
                least = fmin(least, e.window[v].p);
            claimed += least * EVENT_WINDOWS <= 0.05;
            shuffle += event_p_shuffled(s, n, w->events, count, 0, 0, 199, i + 1) <= 0.05;
            stratified += event_p_shuffled(s, n, w->events, count, 0, 1, 199, i + 1) <= 0.05;
        }
        double m = (double)series_count;
        say("events", "false alarm, the events' days", w->name, series_count, on / m, 0.04, 0.06);
        say("events", "false alarm, the days before", w->name, series_count, before / m, 0.04,
            0.06);
        say("events", "false alarm, any lag (max-T)", w->name, series_count, any / m, 0.04, 0.06);
        say("events", "the report claims a difference (three windows, Bonferroni)", w->name,
            series_count, claimed / m, NAN, 0.06);
        say("events", "for comparison: day shuffle", w->name, series_count, shuffle / m, NAN, NAN);
        say("events", "for comparison: shuffle within weekdays", w->name, series_count,
            stratified / m, NAN, NAN);
    }
}

/* The effect a study states as detectable, planted into another series of the same world. */
static void event_power(void)
{
    for (size_t k = 0; k < sizeof nulls / sizeof *nulls; k++) {
        const struct null_world *w = &nulls[k];
        size_t n = (size_t)w->days, tried = 0;
        struct random r;
        double found = 0, size = 0, held = 0, tight = 0;
        size_t series = n > 100 ? series_count / 20 + 1 : series_count / 4 + 1;
        random_init_named(&r, SEED + 1, w->name);
        for (size_t i = 0; i < series; i++) {
            double x[MOST_DAYS], s[MOST_DAYS];
            draw_null(&r, w, x);
            double effect = event_detectable(x, n, 0, w->events, (size_t)w->count, 0.8);
            if (!isfinite(effect)) /* the study says that nothing would have been seen */
                continue;
            draw_null(&r, w, x);
            for (int e = 0; e < w->count; e++)
                x[w->events[e]] *= exp(effect);
            event_series(x, n, 0, s);
            struct event_result t = event_test(x, n, w->events, (size_t)w->count, 0.95, i + 1);
            found += t.window[EVENT_ON].p <= 0.05;
            held += t.window[EVENT_ON].low <= effect && effect <= t.window[EVENT_ON].high;
            tight += t.equivalence >= effect;
            size += effect;
            tried++;
        }
        if (tried == 0)
            continue;
        say("events", "planted at the stated detectable size, found", w->name, tried,
            found / (double)tried, 0.8, NAN);
        say("events", "its interval holds the planted effect", w->name, tried, held / (double)tried,
            0.93, 0.97);
        say("events", "equivalence bound at or over the true effect", w->name, tried,
            tight / (double)tried, 0.95, NAN);
        say("events", "mean detectable log ratio (no share)", w->name, tried, size / (double)tried,
            NAN, NAN);
    }
}

/* ---- onsets ---- */

static void draw_counts(struct random *r, size_t n, double mean, double spread, double lean,
                        double *x)
{
    double z[MOST_DAYS];
    autoregress(r, z, n, lean);
    for (size_t i = 0; i < n; i++)
        x[i] = (double)random_poisson(r, mean * exp(spread * z[i]) * (i % 7 >= 5 ? 0.7 : 1));
}

static void onset_false_alarms(void)
{
    enum { SERIES = 200 };
    static const double spreads[] = {0.4, 0.8};
    static const size_t lengths[] = {56, DAYS, 365};
    for (int k = 0; k < 2; k++)
        for (int l = 0; l < 3; l++)
            for (int a = 0; a < 4; a++) {
                struct random r;
                double total = 0;
                char setting[128];
                size_t studies = series_count / (l == 2 ? 100 : 20) + 1;
                random_init(&r, SEED + (uint64_t)a);
                for (size_t s = 0; s < studies * SERIES; s++) {
                    double x[MOST_DAYS];
                    struct change c[4];
                    draw_counts(&r, lengths[l], exp(1 + 6 * random_unit(&r)), spreads[k], LEANS[a],
                                x);
                    total += (double)changes_find(x, lengths[l], 5, 0.2 / SERIES, 3, c, 4);
                }
                snprintf(setting, sizeof setting, "200 series of %zu days, spread %.1f, AR(1) %.1f",
                         lengths[l], spreads[k], LEANS[a]);
                say("onsets", "false changes a study (a number)", setting, studies,
                    total / (double)studies, NAN, 1);
            }
}

static void onset_power(void)
{
    static const double leans[] = {0, 0.3, 0.6};
    static const double levels[] = {20, 100};
    for (int m = 0; m < 2; m++)
        for (int a = 0; a < 3; a++) {
            struct random r;
            char setting[128];
            double found = 0, dated = 0, alone = 0;
            random_init(&r, SEED + 9);
            for (size_t k = 0; k < series_count; k++) {
                double x[DAYS];
                struct change c[4];
                size_t at = 12 + random_below(&r, 70);
                draw_counts(&r, DAYS, levels[m], 0.4, leans[a], x);
                for (size_t i = 0; i < at; i++)
                    x[i] = 0;
                size_t n = changes_find(x, DAYS, 5, 0.2 / 200, 3, c, 4);
                found += n > 0;
                alone += n == 1;
                dated += n > 0 && c[0].at_low <= at && at <= c[0].at_high;
            }
            double s = (double)series_count;
            snprintf(setting, sizeof setting, "%.0f a day, spread 0.4, AR(1) %.1f", levels[m],
                     leans[a]);
            say("onsets", "onset from nothing found", setting, series_count, found / s, 0.95, NAN);
            say("onsets", "its date's interval right", setting, (size_t)found,
                found > 0 ? dated / found : 0, 0.95, NAN);
            say("onsets", "nothing else found beside it", setting, series_count, alone / s, NAN,
                NAN);
        }
}

static void shift_power(void)
{
    struct random r;
    double found = 0, dated = 0;
    random_init(&r, SEED + 10);
    for (size_t k = 0; k < series_count; k++) {
        double x[DAYS];
        struct change c[4];
        size_t at = 20 + random_below(&r, 57);
        draw_counts(&r, DAYS, 60, 0.4, 0.3, x);
        for (size_t i = 0; i < at; i++)
            x[i] = round(x[i] / 4);
        size_t n = changes_find(x, DAYS, 5, 0.2 / 200, 3, c, 4);
        found += n > 0;
        dated += n > 0 && c[0].at_low <= at && at <= c[0].at_high;
    }
    say("onsets", "level that quadruples found", "60 a day, spread 0.4, AR(1) 0.3", series_count,
        found / (double)series_count, 0.95, NAN);
    say("onsets", "its date's interval right", "60 a day, quadrupled, AR(1) 0.3", (size_t)found,
        found > 0 ? dated / found : 0, 0.95, NAN);
}

/* ---- rhythm ---- */

/* Relative activity of half hours on a working day; several ways to live. */
struct shape {
    const char *name;
    double from, to;                    /* of the busy hours */
    double night, evening, lunch, rise; /* levels beside 1; hours over which it goes up and down */
};

static const struct shape shapes[] = {
    {"09:00 to 20:30, dip and evening", 9, 20.5, 0.15, 0.35, 0.9, 0},
    {"office, 09:00 to 17:30", 9, 17.5, 0.1, 0.3, 0.8, 0},
    {"office, 08:00 to 17:00", 8, 17, 0.1, 0.25, 0.8, 0},
    {"long day, 08:30 to 22:00", 8.5, 22, 0.1, 0.3, 1, 0},
};

static void draw_profile(struct random *r, const struct shape *w, double offset_h, size_t days,
                         double a_day, double *row)
{
    double level[CYCLE_SLOTS], sum = 0;
    for (int i = 0; i < CYCLE_SLOTS; i++) {
        double h = fmod(i / 2.0 + offset_h + 48, 24);
        bool busy = h >= w->from && h < w->to;
        level[i] = busy ? (h >= 12 && h < 13.5 ? w->lunch : 1)
                        : (h >= w->to && h < w->to + 2 ? w->evening : w->night);
        sum += level[i];
    }
    for (size_t d = 0; d < days; d++) {
        double day = exp(0.25 * random_normal(r));
        for (int i = 0; i < CYCLE_SLOTS; i++)
            row[d * CYCLE_SLOTS + (size_t)i] = (double)random_poisson(
                r, a_day * day * level[i] / sum * exp(0.2 * random_normal(r)));
    }
}

static void rhythm_found(void)
{
    double *row = memory_array(70 * CYCLE_SLOTS, sizeof *row);
    size_t series = series_count / 4 + 1;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        struct random r;
        double busy = 0, placed = 0, held = 0;
        char setting[128];
        random_init_named(&r, SEED, shapes[k].name);
        for (size_t s = 0; s < series; s++) {
            draw_profile(&r, &shapes[k], 0, 20, 1500, row);
            struct busy_range b = busy_range(row, 20, 100, s + 1);
            busy += fabs(b.found.from / 2.0 - shapes[k].from) <= 0.5 &&
                    fabs((b.found.to ? b.found.to : 48) / 2.0 - shapes[k].to) <= 0.5;
            double offset = (double)random_below(&r, 49) / 2 - 12;
            /* UTC slots: the local hour is the slot's plus the offset. 20 hosts, 10 workdays. */
            draw_profile(&r, &shapes[k], offset, 10, 20 * 60, row);
            struct utc_offset u = utc_offset_infer(row, 10, 100, s + 1);
            double off = fabs(remainder(u.minutes / 60 - offset, 24));
            placed += off <= 0.5 + 1e-9;
            double middle = (u.low + u.high) / 2;
            held += fabs(remainder(offset - middle / 60, 24)) <= (u.high - u.low) / 120 + 1e-9;
        }
        snprintf(setting, sizeof setting, "%s", shapes[k].name);
        say("rhythm", "busy interval within 30 minutes", setting, series, busy / (double)series,
            0.95, NAN);
        say("rhythm", "UTC offset within 30 minutes (20 hosts, 14 days)", setting, series,
            placed / (double)series, 0.95, NAN);
        say("rhythm", "UTC offset's interval holds it", setting, series, held / (double)series,
            0.93, NAN);
    }
    free(row);
}

static void diurnal_alarms(void)
{
    double *row = memory_array(28 * CYCLE_SLOTS, sizeof *row), one[CYCLE_SLOTS];
    struct random r;
    double alarms = 0;
    random_init(&r, SEED + 20);
    for (size_t s = 0; s < series_count; s++) {
        for (size_t d = 0; d < 28; d++) { /* each day has a shape, at a time of its own */
            draw_profile(&r, &shapes[0], (double)random_below(&r, 48) / 2, 1, 600, one);
            memcpy(row + d * CYCLE_SLOTS, one, sizeof one);
        }
        alarms += diurnal_strength(row, 28, 199, s + 1).p <= 0.05;
    }
    say("rhythm", "a daily cycle where there is none", "28 days, each turned", series_count,
        alarms / (double)series_count, NAN, 0.06);
    free(row);
}

/* ---- presence ---- */

/* 60 countries at exactly their expectation, or `planted` of them at twice it. */
static void presence_tests(void)
{
    enum { COUNTRIES = 60, PLANTED = 4 };
    int32_t days[DAYS];
    double part[DAYS], whole[DAYS], z[DAYS];
    for (int i = 0; i < DAYS; i++)
        days[i] = 17257 + i;
    for (int a = 0; a < 3; a++)
        for (int planted = 0; planted <= PLANTED; planted += PLANTED) {
            struct random r;
            char setting[128];
            size_t studies = series_count / 20 + 1;
            double false_rate = 0, found = 0, single = 0;
            random_init(&r, SEED + 30 + (uint64_t)a);
            for (size_t s = 0; s < studies; s++) {
                double p[COUNTRIES], q[COUNTRIES], wrong = 0, all = 0;
                for (int c = 0; c < COUNTRIES; c++) {
                    double expected = 0.2 * exp(-c / 8.0) / 2, spread = 0.4;
                    double share = expected * (c < planted * 3 && c % 3 == 2 ? 2 : 1);
                    autoregress(&r, z, DAYS, LEANS[a]);
                    for (int d = 0; d < DAYS; d++) {
                        whole[d] = 5000;
                        part[d] = binomial(
                            &r, 5000, fmin(1, share * exp(spread * z[d] - spread * spread / 2)));
                    }
                    p[c] = share_exceeds_p(days, part, whole, DAYS, expected);
                    single += planted == 0 && p[c] <= 0.05;
                }
                false_discovery(p, COUNTRIES, q);
                for (int c = 0; c < COUNTRIES; c++) {
                    bool is = c < planted * 3 && c % 3 == 2;
                    all += q[c] <= 0.05;
                    wrong += q[c] <= 0.05 && !is;
                    found += q[c] <= 0.05 && is;
                }
                false_rate += all > 0 ? wrong / all : 0;
            }
            snprintf(setting, sizeof setting, "60 countries, %d at twice the expected; AR(1) %.1f",
                     planted, LEANS[a]);
            say("presence", "false discovery rate", setting, studies, false_rate / (double)studies,
                NAN, 0.05);
            if (planted)
                say("presence", "twice the expected share found", setting,
                    studies * (size_t)planted, found / (double)studies / planted, 0.9, NAN);
            else
                say("presence", "one country's test at 5%", setting, studies * COUNTRIES,
                    single / (double)studies / COUNTRIES, NAN, 0.06);
        }
}

/* ---- scans, guards ---- */

static void scan_walks(void)
{
    struct random r;
    size_t innocent = 0, sources = series_count * 50, found = 0, slow = 0;
    random_init(&r, SEED + 40);
    double bound = walk_peak_bound(1e6, 0.01);
    for (size_t s = 0; s < sources; s++) {
        struct walk w = {0};
        for (int k = 0; k < 200; k++)
            walk_step(&w, random_unit(&r) < 0.8);
        innocent += w.peak >= bound;
    }
    for (size_t s = 0; s < series_count; s++) {
        struct walk w = {0}, v = {0};
        for (int k = 0; k < 60; k++)
            walk_step(&w, random_unit(&r) < 0.2);
        for (int k = 0; k < 60 * 24; k++)
            walk_step(&v, random_unit(&r) < 0.25);
        found += w.peak >= bound;
        slow += v.peak >= bound;
    }
    say("recon", "innocent sources called scanners",
        "200 first contacts, 80% answered, a study of a million contacts", sources,
        (double)innocent / (double)sources, NAN, 0.001);
    say("recon", "scanners found", "60 targets, 80% silent", series_count,
        (double)found / (double)series_count, 0.99, NAN);
    say("recon", "one probe an hour for 60 days found", "1,440 targets, 75% silent", series_count,
        (double)slow / (double)series_count, 0.95, NAN);
}

/* Clients that keep Tor's rules (guard-spec), and ones that never change their relay. */
static void guard_rules(void)
{
    static const int lengths[] = {30, 97, 200, 365};
    for (int l = 0; l < 4; l++) {
        struct random r;
        char setting[96];
        double normal = 0, abnormal = 0;
        random_init(&r, SEED + 50);
        for (size_t s = 0; s < series_count; s++) {
            int at = 0, longest = 0;
            size_t relays = 0;
            while (at < lengths[l]) { /* each guard serves 108 to 120 days, or dies before */
                double life = 120 - 12 * random_unit(&r);
                double death = random_exponential(&r, 300);
                int span = (int)fmin(fmax(1, floor(fmin(life, death))), lengths[l] - at);
                longest = span > longest ? span : longest;
                relays++;
                at += span;
            }
            struct guard_use use = {(size_t)longest, relays, (size_t)lengths[l]};
            normal += guard_judge(&use).normal;
            use = (struct guard_use){(size_t)lengths[l], 1, (size_t)lengths[l]};
            abnormal += !guard_judge(&use).normal;
        }
        double n = (double)series_count;
        snprintf(setting, sizeof setting, "%d days", lengths[l]);
        say("concealment", "a client that keeps Tor's rules called normal", setting, series_count,
            normal / n, 0.95, NAN);
        if (lengths[l] > 125)
            say("concealment", "one relay kept on every day called abnormal", setting, series_count,
                abnormal / n, 0.95, NAN);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} sections[] = {
    {"shares", share_intervals},    {"means", mean_intervals},      {"ratios", ratio_intervals},
    {"sampled", sampled_intervals}, {"alarms", event_false_alarms}, {"power", event_power},
    {"quiet", onset_false_alarms},  {"onsets", onset_power},        {"shifts", shift_power},
    {"rhythm", rhythm_found},       {"diurnal", diurnal_alarms},    {"presence", presence_tests},
    {"scans", scan_walks},          {"guards", guard_rules},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

int main(int argc, char **argv)
{
    series_count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    if (series_count == 0) {
        fprintf(stderr, "usage: %s SERIES [SECTION...]\n", argv[0]);
        return 2;
    }
    for (int k = 0; k < SECTIONS; k++) {
        bool asked = argc == 2;
        for (int i = 2; i < argc; i++)
            asked |= strcmp(argv[i], sections[k].name) == 0;
        if (asked)
            sections[k].run();
    }
    return 0;
}
