/* SPDX-License-Identifier: Apache-2.0 */
/* Who is behind the remote address, and which service it was: fills service, category, basis,
 * candidates, country, asn and owner of a STAGE_FLOW batch, and server_name where only a DNS
 * answer knows it. docs/methods.md, Attribution. One attribution serves one thread. */
#ifndef TELLTALE_ATTRIBUTE_ATTRIBUTE_H
#define TELLTALE_ATTRIBUTE_ATTRIBUTE_H

#include <jansson.h>
#include <stdio.h>

#include "attribute/catalogue.h"
#include "base/error.h"
#include "batch/batch.h"
#include "batch/sightings.h"
#include "schema/symbols.h"
#include "study/study.h"

struct attribution;
struct dated;

/* Opens geography (libloc, or the study's MMDBs) and compiles the catalogue with the study's own
 * entries, which win. `symbols` outlives it. */
int attribution_open(const struct study *study, struct symbols *symbols, struct attribution **ret,
                     struct error *err);
void attribution_free(struct attribution *a);

/* Learns names; call before the rows of the same round. */
void attribution_learn(struct attribution *a, const struct sightings *seen);
void attribution_batch(struct attribution *a, struct batch *flows);

/* {"geo": {name, date}, "catalogue": {sha256, entries, date}, "tor": {from, to, ...} or null,
 * "lists": [{kind, label, editions}]} for the report's provenance. */
json_t *attribution_provenance(const struct attribution *a);
const struct catalogue *attribution_catalogue(const struct attribution *a);
/* What is known of an address or a name, each fact with source and date; as JSON and as text. */
json_t *attribution_look(struct attribution *a, const char *subject, uint64_t at_ms,
                         struct error *err);
/* The same as an analyst's short note, from what attribution_look() returned. */
void attribution_look_print(const json_t *look, FILE *out);

#endif
