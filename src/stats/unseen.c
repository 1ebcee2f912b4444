/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/unseen.h"

#include <math.h>

#include "stats/special.h"

/* Chao's variance; the second form where nobody was seen twice. */
static double variance(double seen, double once, double twice, double a, double unseen)
{
    if (twice > 0) {
        double r = once / twice;
        return twice * (a / 2 * r * r + a * a * r * r * r + a * a / 4 * r * r * r * r);
    }
    double v = a * once * (once - 1) / 2 + a * a * once * (2 * once - 1) * (2 * once - 1) / 4 -
               a * a * once * once * once * once / (4 * (seen + unseen));
    return v > 0 ? v : 0;
}

static double at_most(double x, double most)
{
    return x < most ? x : most;
}

struct estimate unseen_estimate(double seen, double once, double twice, double days, double most,
                                double level)
{
    struct estimate e = {.value = seen, .low = seen, .high = seen, .level = level};
    most = most > seen ? most : seen;
    if (seen <= 0 || days < 1)
        return e;
    if (days < 2) {
        e.high = most;
        return e;
    }
    double a = (days - 1) / days, z = normal_quantile(0.5 + level / 2);
    double unseen = a * once * (once - 1) / (2 * (twice + 1));
    double v = once > 0 ? variance(seen, once, twice, a, unseen) : 0;
    if (unseen > 0) {
        double k = exp(z * sqrt(log(1 + v / (unseen * unseen))));
        e.value = seen + unseen;
        e.low = seen + unseen / k;
        e.high = seen + unseen * k;
    } else {
        e.high = seen + z * sqrt(v);
    }
    e.error = sqrt(v);
    e.value = at_most(e.value, most);
    e.low = at_most(e.low, most);
    e.high = at_most(e.high, most);
    return e;
}
