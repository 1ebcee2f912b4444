/* SPDX-License-Identifier: Apache-2.0 */
/* Sections `pivots` and `concealment.chains`: what was done behind addresses that the population
 * came out of for a while. Nothing of it is in the population's own shares. */
#ifndef TELLTALE_ANALYSIS_PIVOTS_H
#define TELLTALE_ANALYSIS_PIVOTS_H

#include "analysis/section.h"

int pivots_section(struct analysis *a, json_t **ret, struct error *err);
void pivots_findings(struct analysis *a, const json_t *pivots, json_t *findings);

/* Population to a pivot, and from there on: an array of chains, or `unsupported`.
 * docs/methods.md, Chains. */
int chains_list(struct analysis *a, json_t **ret, struct error *err);

#endif
