/* SPDX-License-Identifier: Apache-2.0 */
/* The study's measurements: questions to the store and methods on the answers, one file a section
 * of the report model (docs/report-model.md). */
#ifndef TELLTALE_ANALYSIS_ANALYSIS_H
#define TELLTALE_ANALYSIS_ANALYSIS_H

#include <jansson.h>

#include "attribute/catalogue.h"
#include "base/error.h"
#include "store/store.h"
#include "study/study.h"

struct reference;

struct analysis_input {
    const struct study *study;
    struct store *store;
    const struct catalogue *catalogue;
    json_t *attribution_provenance; /* borrowed: {"geo": ..., "catalogue": ...} */
    /* Populations to compare with (analysis/reference.h), or NULL: of services, and of countries
     * where the study's baseline is another study. */
    const struct reference *reference, *baseline;
    uint64_t generated_ms;          /* the clock's only entry into the report */
    void (*progress)(void *ctx, const char *section, int done, int of); /* may be NULL */
    void *progress_ctx;
};

/* The whole model, telltale.report/1. The same store, study and seed give the same model, apart
 * from provenance.generated. */
int analysis_run(const struct analysis_input *in, json_t **ret_model, struct error *err);

/* provenance.digest: SHA-256 of the model as compact JSON with sorted keys, without what differs from
 * run to run (provenance.generated) and without itself. Hexadecimal text. */
enum { ANALYSIS_DIGEST_TEXT = 65 };
void analysis_digest(const json_t *model, char ret[ANALYSIS_DIGEST_TEXT]);

#endif
