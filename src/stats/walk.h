/* SPDX-License-Identifier: Apache-2.0 */
/* The threshold random walk on first contacts: Jung, Paxson, Berger and Balakrishnan, "Fast
 * Portscan Detection Using Sequential Hypothesis Testing" (2004). Any thread. */
#ifndef TELLTALE_STATS_WALK_H
#define TELLTALE_STATS_WALK_H

#include <stdbool.h>
#include <stddef.h>

enum walk_verdict { WALK_PENDING, WALK_SCANNER, WALK_BENIGN };

/* A first contact succeeds with a chance of 0.8 where the source is benign, 0.2 where it scans.
 * Zeroed is the beginning. */
struct walk {
    enum walk_verdict verdict; /* the first decision at Jung's thresholds, 99 and 1 / 99 */
    size_t contacts, failures;
    double sum;  /* logarithm of the likelihood ratio so far */
    double rise; /* above the walk's least value so far: it sees a source that turns to scanning */
    double peak; /* greatest rise */
};

void walk_step(struct walk *w, bool success);

/* A peak that benign sources reach in at most `chance` of studies of so many first contacts. */
double walk_peak_bound(double contacts, double chance);
/* Failures in a row that reach it. */
double walk_failures(double peak);

#endif
