/* SPDX-License-Identifier: Apache-2.0 */
/* The section `devices`, and the same of a part of the conversations. */
#ifndef TELLTALE_ANALYSIS_DEVICES_H
#define TELLTALE_ANALYSIS_DEVICES_H

#include "analysis/section.h"

/* Rows of the section for the flows of `where` (SQL of table flow; "1" for all): an array, or an
 * `unsupported`. `filter` is the same in the filter language, as a part that is and-ed behind a
 * platform (" and local net 10.0.0.0/8"), "" for none. */
int devices_list(struct analysis *a, const char *where, const char *filter, json_t **ret,
                 struct error *err);
int devices_section(struct analysis *a, json_t **ret, struct error *err);
void devices_findings(struct analysis *a, const json_t *rows, json_t *findings);

#endif
