/* SPDX-License-Identifier: Apache-2.0 */
/* What share of its conversations a population could be expected to have with each country. */
#ifndef TELLTALE_ANALYSIS_BASELINE_H
#define TELLTALE_ANALYSIS_BASELINE_H

#include "analysis/section.h"

struct baseline {
    const char *kind, *name, *date; /* "default" or "table"; date may be NULL */
    double *expected;               /* by country code, 65536; 0 where nothing is known */
};

/* "default", or the path of a CSV with the columns country and share, from the study's folder. */
int baseline_load(struct analysis *a, struct baseline *ret, struct error *err);

#endif
