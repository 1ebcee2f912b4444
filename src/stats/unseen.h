/* SPDX-License-Identifier: Apache-2.0 */
/* How many of a kind there are, when only some showed it: from how many were seen on one day only,
 * and on two. Any thread; nothing is kept. */
#ifndef TELLTALE_STATS_UNSEEN_H
#define TELLTALE_STATS_UNSEEN_H

#include "stats/interval.h"

/* Chao's lower bound of the number of kinds (Chao 1987, Biometrics 43, bias-corrected "Chao2") and
 * its log-normal interval: `seen` in all on `days` days, `once` of them on one day alone, `twice` on
 * exactly two; never below `seen`, never above `most`. With one day nothing is known of those who
 * did not show: from `seen` to `most`. */
struct estimate unseen_estimate(double seen, double once, double twice, double days, double most,
                                double level);

#endif
