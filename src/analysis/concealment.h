/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the section `concealment` that have their own file, and its sentences. */
#ifndef TELLTALE_ANALYSIS_CONCEALMENT_H
#define TELLTALE_ANALYSIS_CONCEALMENT_H

#include "analysis/section.h"
#include "base/bytes.h"
#include "base/ip.h"

struct dated;

/* No column holds this code: a name that the store has never seen. */
#define NO_CODE 70000u

/* Code of a service or category in SQL; NO_CODE where the store has none. */
uint32_t concealment_code(const struct analysis *a, enum symbol_kind kind, const char *id);
struct ip ip_of(struct bytes b);

/* What a filter returns in the study's period, added to the days' cells; and its local hosts. */
int concealment_by_filter(struct analysis *a, const char *filter, struct amounts *cells,
                          struct error *err);
int concealment_hosts(struct analysis *a, const char *filter, double *ret, struct error *err);
/* Adds `tor`, `tor_pairs` and `tor_then_torrents`. */
int concealment_tor(struct analysis *a, const struct dated *lists, json_t *section,
                    struct error *err);
/* Adds `tls`: faults of handshakes that were captured. */
int concealment_faults(struct analysis *a, json_t *section, struct error *err);
void concealment_faults_findings(struct analysis *a, const json_t *section, json_t *findings);
/* Findings about a section that is there. */
void concealment_findings(struct analysis *a, const json_t *section, json_t *findings);

#endif
