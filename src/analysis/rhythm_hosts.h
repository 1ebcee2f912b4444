/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the population's hosts keep people's hours, and which run day and night. */
#ifndef TELLTALE_ANALYSIS_RHYTHM_HOSTS_H
#define TELLTALE_ANALYSIS_RHYTHM_HOSTS_H

#include "analysis/section.h"

int rhythm_hosts(struct analysis *a, json_t **ret, struct error *err);

#endif
