/* SPDX-License-Identifier: Apache-2.0 */
/* Two reports side by side: two windows, two populations or two editions of one study. What is new,
 * what is gone, what changed, each with its test; and where the two contradict each other. */
#ifndef TELLTALE_REPORT_EDITIONS_H
#define TELLTALE_REPORT_EDITIONS_H

#include <jansson.h>

/* The model of docs/report-model.md, `telltale.compare/1`, from two `telltale.report/1`. The
 * caller's to free. Nothing of either is kept. */
json_t *editions_compare(const json_t *a, const json_t *b);

#endif
