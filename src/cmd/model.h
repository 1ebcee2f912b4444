/* SPDX-License-Identifier: Apache-2.0 */
/* The study measured: what `report` writes and `verify` compares with. */
#ifndef TELLTALE_CMD_MODEL_H
#define TELLTALE_CMD_MODEL_H

#include <jansson.h>

#include "analysis/reference.h"
#include "attribute/attribute.h"
#include "base/error.h"
#include "report/pseudonym.h"
#include "store/store.h"
#include "study/study.h"

/* The populations that the study is compared with; NULL where it names none. One may be both. */
struct comparisons {
    struct reference *reference, *baseline;
};

/* To be read before the study's own store is opened: the embedded engine has one store a time. */
int comparisons_load(const struct study *study, struct comparisons *ret, struct error *err);
void comparisons_free(struct comparisons *c);

/* With the digests of the study's own files, and with pseudonyms where `p` is not NULL. Progress
 * goes to stderr under `verb`'s name unless `quiet`. */
int model_make(const char *verb, const struct study *study, struct store *store,
               const struct comparisons *with, bool quiet, struct pseudonyms *p, json_t **ret,
               struct error *err);

#endif
