/* SPDX-License-Identifier: Apache-2.0 */
/* Attribution made anew for conversations that are stored: day by day, each day at once or not at
 * all, whenever the process is killed. */
#ifndef TELLTALE_STORE_REATTRIBUTE_H
#define TELLTALE_STORE_REATTRIBUTE_H

#include "store/store.h"

/* Sets service, category, basis, candidates, country, asn and owner of the rows; nothing else. */
typedef void store_attribute_fn(void *ctx, struct batch *flows);
/* After each day: `done` of `of` conversations. */
typedef void store_progress_fn(void *ctx, uint64_t done, uint64_t of);

struct reattribution {
    uint64_t conversations, changed; /* ... whose attribution is another than before */
    uint64_t days, days_changed;
};

/* Derived tables of the days that changed are remade. Facts are compared before a day's new rows
 * take the place of the old ones: ERROR_DAMAGED where they differ. A conversation that DNS answers
 * made ambiguous keeps that: the answers themselves are not stored. */
int store_reattribute(struct store *s, store_attribute_fn *attribute, store_progress_fn *progress,
                      void *ctx, struct reattribution *ret, struct error *err);

#endif
