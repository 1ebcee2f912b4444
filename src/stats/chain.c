/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/chain.h"

#include <stdbool.h>

#include "stats/special.h"

const struct chain_setting chain_setting_default = {
    .follow_s = 5, .factor = 2, .shift_min_s = 60, .shift_max_s = 3600, .draws = 999};

#define P_LEAST 1e-9

static bool agree(const struct leg *in, const struct leg *out, double shift_s,
                  const struct chain_setting *s)
{
    double after = out->start_s + shift_s - in->start_s;
    return after >= 0 && after <= s->follow_s && out->octets <= in->octets * s->factor &&
           in->octets <= out->octets * s->factor;
}

/* The earliest incoming leg that agrees and is free: with equal windows this gives the most pairs
 * in time (an interval order); volumes seldom leave a choice. */
size_t chain_match(const struct leg *in, size_t n, const struct leg *out, size_t m, double shift_s,
                   const struct chain_setting *s, double *ret_octets)
{
    enum { OPEN = 64 };
    size_t from = 0, count = 0;
    double octets = 0;
    unsigned long long taken = 0; /* bit i: in[from + i] has its pair */
    for (size_t j = 0; j < m; j++) {
        while (from < n && in[from].start_s < out[j].start_s + shift_s - s->follow_s) {
            from++;
            taken >>= 1;
        }
        for (size_t i = 0; i < OPEN && from + i < n; i++) {
            if (in[from + i].start_s > out[j].start_s + shift_s)
                break;
            if ((taken >> i & 1) || !agree(&in[from + i], &out[j], shift_s, s))
                continue;
            taken |= 1ULL << i;
            octets += out[j].octets;
            count++;
            break;
        }
    }
    if (ret_octets)
        *ret_octets = octets;
    return count;
}

/* P(X >= k); Poisson where the variance is no greater than the mean. A mean of nothing is taken as
 * less than one match in all draws. */
static double at_least(size_t k, double mean, double variance, size_t draws)
{
    double least = 1 / ((double)draws + 1);
    mean = mean > least ? mean : least;
    if (k == 0)
        return 1;
    if (variance <= mean * 1.001)
        return poisson_at_least(k, mean);
    double size = mean * mean / (variance - mean);
    return beta_cdf(mean / (mean + size), (double)k, size);
}

struct chain_test chain_test(const struct leg *in, size_t n, const struct leg *out, size_t m,
                             const struct chain_setting *s, struct random *random)
{
    struct chain_test t = {.p = 1};
    double sum = 0, squares = 0, draws = (double)s->draws;
    t.matched = chain_match(in, n, out, m, 0, s, &t.octets);
    if (t.matched == 0)
        return t;
    for (size_t i = 0; i < s->draws; i++) {
        double far = s->shift_min_s + random_unit(random) * (s->shift_max_s - s->shift_min_s);
        double shift = random_below(random, 2) ? far : -far;
        double count = (double)chain_match(in, n, out, m, shift, s, NULL);
        sum += count;
        squares += count * count;
    }
    t.null_mean = sum / draws;
    t.null_variance = (squares - sum * t.null_mean) / (draws - 1);
    t.p = at_least(t.matched, t.null_mean, t.null_variance, s->draws);
    t.p =
        t.p > P_LEAST ? t.p : P_LEAST; /* further out the negative binomial is not known to hold */
    return t;
}
