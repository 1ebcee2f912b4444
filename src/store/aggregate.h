/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of `flow` to rows of the derived tables, in memory: what the SQL of derive.c says, several
 * times as fast, for engines in this process. One aggregate serves one thread. */
#ifndef TELLTALE_STORE_AGGREGATE_H
#define TELLTALE_STORE_AGGREGATE_H

#include "base/zone.h"
#include "batch/block.h"

/* What aggregate_add() reads, for a SELECT from `flow`. */
extern const char aggregate_columns[];

enum aggregate_table { AGGREGATE_ACTIVITY, AGGREGATE_DAILY, AGGREGATE_CONTACT, AGGREGATE_TABLES };

struct aggregate;

/* Bins of `bin_ms`; days of the zone that `wanted` has a bit for (one for each of 65,536), others
 * are passed over. Both are borrowed. */
struct aggregate *aggregate_new(const struct zone *zone, uint64_t bin_ms, const uint8_t *wanted);
void aggregate_free(struct aggregate *a);

/* Conversations that started on UTC day `utc_day`. Ascending days. */
void aggregate_day(struct aggregate *a, int32_t utc_day);
int aggregate_add(struct aggregate *a, const struct block *b, struct error *err);

/* The first day of the zone that no conversation of a later UTC day can lie in (or any that is
 * left, with `all`): -1 when there is none. */
int32_t aggregate_ready(struct aggregate *a, bool all);
/* Its rows as a Native block; in `columns` the names for the INSERT. The number of rows. */
size_t aggregate_encode(struct aggregate *a, int32_t day, enum aggregate_table table,
                        struct buf *native, struct buf *columns);
void aggregate_drop(struct aggregate *a, int32_t day);

#endif
