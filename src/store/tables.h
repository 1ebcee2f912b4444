/* SPDX-License-Identifier: Apache-2.0 */
/* The store's tables (docs/store.md) and their DDL, within what ClickHouse 18.16 and 26.7 both run.
 */
#ifndef TELLTALE_STORE_TABLES_H
#define TELLTALE_STORE_TABLES_H

#include <stdbool.h>

#include "base/buf.h"
#include "batch/block.h"

struct column {
    const char *name, *type;
};

struct table {
    const char *name;
    const struct column *columns; /* NULL: the fields of fields.def; ends with a NULL name */
    const char *engine;           /* "MergeTree", "ReplacingMergeTree(version)" */
    const char *partition, *order;
    bool is_derived; /* can be made again from the others */
};

extern const struct table tables[];
extern const int store_table_count;

/* "CREATE TABLE IF NOT EXISTS ..."; with codecs, fsync and deduplication where the engine is
 * modern. */
void store_table_ddl(struct buf *out, const struct table *t, bool is_modern);
/* "start_ms, end_ms, ...": a SELECT of these has every field of a conversation, in their order. */
void flow_columns(struct buf *out);

/* Stored instead of end_ms, which the table computes. */
#define FLOW_LENGTH "length_ms"

/* Rows of `flow` as a Native block, in `order` (batch/block.h), and the columns' names for the
 * INSERT. The batches' end_ms are lengths afterwards. */
void flow_encode(struct buf *native, struct buf *columns, struct batch *const *batches,
                 size_t batch_count, const uint32_t *order, size_t rows);

#endif
