/* SPDX-License-Identifier: Apache-2.0 */
/* The rules (guard-spec, appendix of parameters): a client samples guards, dates the sampling up to
 * a tenth of the lifetime back at random, and drops a guard 120 days after that date once it was
 * confirmed 60 days ago. So a guard that is used from the start serves 108 to 120 days, one that
 * joins later at least 54. Three of them are primary, the first that answers is used for all. One
 * relay on every day for months is therefore what the design wants; past 120 days, or through many
 * more relays than expiry and dead guards explain, it is not that design that we look at. */
#include "stats/guard.h"

#include <math.h>

#include "stats/special.h"

static const double LIFETIME_DAYS = 120, DATED_BACK_DAYS = 12, CONFIRMED_DAYS = 60, PRIMARY = 3;
static const double LEAST_P = 1e-12, SURE = 0.05;

/* Elapsed days may be a day fewer than days touched; in the client's favour. */
static double span_p(size_t span_days)
{
    double elapsed = (double)span_days - 1;
    return fmax(LEAST_P, fmin(1, (LIFETIME_DAYS - elapsed) / DATED_BACK_DAYS));
}

/* Generous: all three primary guards are met, and each is replaced as early as the rules allow. */
static double relays_p(size_t relays, size_t host_days)
{
    double expected = PRIMARY * (1 + (double)host_days / CONFIRMED_DAYS);
    return fmax(LEAST_P, poisson_at_least((unsigned long)relays, expected));
}

struct guard_verdict guard_judge(const struct guard_use *use)
{
    struct guard_verdict v = {.p_span = span_p(use->span_days),
                              .p_relays = relays_p(use->relays, use->host_days)};
    v.p = fmin(1, 2 * fmin(v.p_span, v.p_relays));
    v.normal = v.p > SURE;
    return v;
}
