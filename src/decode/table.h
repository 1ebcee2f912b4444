/* SPDX-License-Identifier: Apache-2.0 */
/* A row of a table or a line of a log, given as texts, to a record. What the columns are called is
 * in table.def; which tool wrote it decides how a few of them are read (enum table_kind). Every row
 * is accounted for: kept, outside, or rejected with a reason. */
#ifndef TELLTALE_DECODE_TABLE_H
#define TELLTALE_DECODE_TABLE_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/lpm.h"
#include "batch/batch.h"
#include "schema/coverage.h"
#include "schema/symbols.h"
#include "schema/tally.h"
#include "schema/values.h"

enum table_column {
#define COLUMN(name, also) TABLE_##name,
#include "decode/table.def"
#undef COLUMN
    TABLE_COLUMNS
};

enum table_kind {
    TABLE_CSV,
    TABLE_TSV,
    TABLE_JSONL,
    TABLE_PARQUET,
    TABLE_ZEEK,  /* conn, or any other log of Zeek */
    TABLE_EVE,   /* Suricata */
    TABLE_VPC,   /* AWS */
    TABLE_ARGUS, /* ra's CSV, "binetflow" */
};
/* "csv", "zeek conn", ...: as the report names the format. */
const char *table_kind_text(enum table_kind kind);

/* "ours=theirs" of --map. Both are borrowed for as long as the map is used. */
struct table_map {
    struct {
        enum table_column column;
        struct bytes theirs;
    } pair[TABLE_COLUMNS];
    size_t count;
};
int table_map_add(struct table_map *map, const char *pair, struct error *err);

/* Our column for a name, or TABLE_COLUMNS. The map goes first, and a name that it gives to another
 * column or a column that it takes from another name is not found by its own. */
enum table_column table_column_of(const struct table_map *map, struct bytes name);
/* How good a match the name is (2 mapped, 1 ours, 0 another tool's): the better one counts where
 * two names of a table mean the same. */
int table_rank(const struct table_map *map, struct bytes name);

/* Which columns a table has; false where the least is missing: a time, two addresses, a protocol,
 * a counter. `missing` then says which. */
bool table_suffices(const bool has[TABLE_COLUMNS], char missing[128]);

struct table_row {
    struct bytes cell[TABLE_COLUMNS]; /* empty where there is none */
};

struct table_setting {
    enum table_kind kind;
    bool has[TABLE_COLUMNS];      /* what the header names; all false where rows differ (JSON) */
    const struct lpm *population; /* NULL keeps all */
    struct symbols *symbols;
    struct coverage *coverage; /* may be NULL */
    uint32_t sampling;         /* where no column tells; 0: 1 */
    uint32_t exporter;         /* symbol, where no column tells */
};

/* Appends one row to `out` (there must be room) or not, and accounts for it. */
bool table_write(const struct table_setting *t, const struct table_row *row, struct batch *out,
                 struct tally *tally);
/* Server name of the row last written, in its plain form. */
void table_name_row(struct batch *out, struct bytes name, enum name_kind kind);

#endif
