/* SPDX-License-Identifier: Apache-2.0 */
/* The study measured: what `report` writes and `verify` compares with. */
#ifndef TELLTALE_CMD_MODEL_H
#define TELLTALE_CMD_MODEL_H

#include <jansson.h>

#include "attribute/attribute.h"
#include "base/error.h"
#include "report/pseudonym.h"
#include "store/store.h"
#include "study/study.h"

/* With the digests of the study's own files, and with pseudonyms where `p` is not NULL. Progress goes
 * to stderr under `verb`'s name unless `quiet`. */
int model_make(const char *verb, const struct study *study, struct store *store, bool quiet,
               struct pseudonyms *p, json_t **ret, struct error *err);

#endif
