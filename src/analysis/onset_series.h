/* SPDX-License-Identifier: Apache-2.0 */
/* The daily counts in which beginnings, ends and shifts are looked for: every service, category,
 * country, port of servers and pair of addresses with enough conversations. */
#ifndef TELLTALE_ANALYSIS_ONSET_SERIES_H
#define TELLTALE_ANALYSIS_ONSET_SERIES_H

#include "analysis/section.h"

struct onset_series {
    const char *kind, *id; /* "service", "category", "country", "port" (tcp/8333), "pair" (A > B) */
    const char *filter;    /* returns its conversations */
    double *flows;         /* [day of the study] */
    double total;
};

struct onset_list {
    struct onset_series *at;
    size_t count, room, pairs; /* the last `pairs` are pairs */
};

int onset_series_load(struct analysis *a, struct onset_list *ret, struct error *err);

#endif
