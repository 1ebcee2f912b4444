/* SPDX-License-Identifier: Apache-2.0 */
/* What share of its conversations a population could be expected to have with each country. */
#ifndef TELLTALE_ANALYSIS_BASELINE_H
#define TELLTALE_ANALYSIS_BASELINE_H

#include "analysis/section.h"

struct baseline {
    const char *kind, *name, *date; /* "default", "table" or "study"; date may be NULL */
    /* By country code, 65536; 0 where nothing is known. Of "default" it is the announced address
     * space, which presence.c weighs by the mix of services. */
    double *expected;
};

/* "default", the path of a CSV with the columns country and share, or that of another study's
 * folder, which the caller of analysis_run() has read (reference.h). */
int baseline_load(struct analysis *a, struct baseline *ret, struct error *err);

#endif
