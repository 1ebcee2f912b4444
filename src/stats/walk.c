/* SPDX-License-Identifier: Apache-2.0 */
/* Jung's thresholds (alpha 0.01, beta 0.99) hold for one source that is watched once. A study of
 * months watches many sources over many contacts: there the rise above the walk's least value is
 * held against a bound for all of it. A benign walk goes up by one step with 0.2 and down with 0.8,
 * so from any point it ever rises by k steps with a chance of (0.2 / 0.8)^k = exp(-rise): a bound
 * of log(contacts / chance) keeps all starting points together. */
#include "stats/walk.h"

#include <math.h>

static const double BENIGN = 0.8, SCANNER = 0.2, FALSE_ALARM = 0.01, DETECTION = 0.99;

void walk_step(struct walk *w, bool success)
{
    double step = success ? log(SCANNER / BENIGN) : log((1 - SCANNER) / (1 - BENIGN));
    w->contacts++;
    w->failures += !success;
    w->sum += step;
    w->rise = fmax(0, w->rise + step);
    w->peak = fmax(w->peak, w->rise);
    if (w->verdict != WALK_PENDING)
        return;
    if (w->sum >= log(DETECTION / FALSE_ALARM))
        w->verdict = WALK_SCANNER;
    else if (w->sum <= log((1 - DETECTION) / (1 - FALSE_ALARM)))
        w->verdict = WALK_BENIGN;
}

double walk_peak_bound(double contacts, double chance)
{
    return fmax(log(DETECTION / FALSE_ALARM), log(fmax(1, contacts) / chance));
}

double walk_failures(double peak)
{
    return ceil(peak / log((1 - SCANNER) / (1 - BENIGN)) - 1e-9);
}
