/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations that are to be kept no longer. What is made from them (derived tables, summaries)
 * goes and is made again from what stays, so that every number of a report still has its
 * conversations.
 *
 * Killed at any moment, the next opening finishes it. The ledger follows: a batch that was
 * forgotten is no damage, and `meta` keeps what was forgotten up to which day. docs/store.md,
 * Forgetting. */
#ifndef TELLTALE_STORE_FORGET_H
#define TELLTALE_STORE_FORGET_H

#include <jansson.h>

#include "store/store.h"

struct store_forgotten {
    uint64_t conversations, coverage_rows, days;
};

/* What is of days before `utc_day` (days since 1970-01-01): conversations, `coverage`, or both.
 * With `only_count` nothing is changed. */
int store_forget_before(struct store *s, int32_t utc_day, bool flow, bool coverage, bool only_count,
                        struct store_forgotten *ret, struct error *err);
/* Every conversation with an address of the prefix at either end, also after translation. */
int store_forget_prefix(struct store *s, const struct prefix *prefix, bool only_count,
                        struct store_forgotten *ret, struct error *err);
/* {flow: "2017-05-01", ...}: days before it were forgotten; prefixes: how many times prefixes were.
 * NULL where nothing was. */
int store_forgotten(struct store *s, json_t **ret, struct error *err);

/* For store_open(): finishes what was interrupted. After the sources were loaded. */
int forget_recover(struct store *s, struct error *err);

#endif
