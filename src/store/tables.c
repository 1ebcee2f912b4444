/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tables.h"

#include "schema/fields.h"

static const struct column activity[] = {
    {"day", "Date"},          {"slot", "UInt32"},        {"service", "UInt16"},
    {"category", "UInt16"},   {"country", "UInt16"},     {"role", "UInt8"},
    {"basis", "UInt8"},       {"ambiguous", "UInt8"},    {"pivot", "UInt8"},
    {"flows", "UInt64"},      {"packets_out", "UInt64"}, {"packets_in", "UInt64"},
    {"octets_out", "UInt64"}, {"octets_in", "UInt64"},   {NULL, NULL},
};

static const struct column daily[] = {
    {"day", "Date"},       {"local", "FixedString(16)"},
    {"service", "UInt16"}, {"category", "UInt16"},
    {"role", "UInt8"},     {"pivot", "UInt8"},
    {"flows", "UInt64"},   {"packets", "UInt64"},
    {"octets", "UInt64"},  {"slots", "UInt64"},
    {NULL, NULL},
};

static const struct column contact[] = {
    {"day", "Date"},
    {"local", "FixedString(16)"},
    {"remote", "FixedString(16)"},
    {"service", "UInt16"},
    {"category", "UInt16"},
    {"role", "UInt8"},
    {"pivot", "UInt8"},
    {"country", "UInt16"},
    {"asn", "UInt32"},
    {"owner", "UInt8"},
    {"first_ms", "UInt64"},
    {"last_ms", "UInt64"},
    {"flows", "UInt64"},
    {"packets", "UInt64"},
    {"octets", "UInt64"},
    {"slots", "UInt64"},
    {NULL, NULL},
};

static const struct column coverage[] = {
    {"day", "Date"},        {"hour", "UInt32"},         {"exporter", "UInt32"},
    {"source", "UInt32"},   {"records", "UInt64"},      {"lost", "UInt64"},
    {"rejected", "UInt64"}, {"sampling_min", "UInt32"}, {"sampling_max", "UInt32"},
    {NULL, NULL},
};

static const struct column source[] = {
    {"id", "UInt32"},
    {"version", "UInt32"},
    {"sha256", "FixedString(32)"},
    {"path", "String"},
    {"format", "String"},
    {"state", "UInt8"},
    {"first_ms", "UInt64"},
    {"last_ms", "UInt64"},
    {"records", "UInt64"},
    {"kept", "UInt64"},
    {"outside", "UInt64"},
    {"duplicates", "UInt64"},
    {"rejected", "UInt64"},
    {"conversations", "UInt64"},
    {"reasons", "String"},
    {"imported_ms", "UInt64"},
    {NULL, NULL},
};

static const struct column ledger[] = {
    {"source", "UInt32"}, {"batch", "UInt32"},  {"day", "Date"}, {"rows", "UInt64"},
    {"octets", "UInt64"}, {"digest", "UInt64"}, {NULL, NULL},
};

static const struct column symbol[] = {
    {"kind", "UInt8"},
    {"code", "UInt32"},
    {"text", "String"},
    {NULL, NULL},
};

static const struct column meta[] = {
    {"key", "String"},
    {"value", "String"},
    {"version", "UInt64"},
    {NULL, NULL},
};

const struct table tables[] = {
    {"flow", NULL, "MergeTree", "day", "local, start_ms", false},
    {"activity", activity, "MergeTree", "day", "slot, service, country, role", true},
    {"daily", daily, "MergeTree", "day", "local, service", true},
    {"contact", contact, "MergeTree", "day", "local, remote, service", true},
    {"coverage", coverage, "MergeTree", "day", "hour, exporter", false},
    {"source", source, "ReplacingMergeTree(version)", "tuple()", "id", false},
    {"ledger", ledger, "MergeTree", "tuple()", "source, batch", false},
    {"symbol", symbol, "ReplacingMergeTree", "tuple()", "kind, code", false},
    {"meta", meta, "ReplacingMergeTree(version)", "tuple()", "key", false},
};
const int store_table_count = sizeof tables / sizeof *tables;

static void add_column(struct buf *out, const char *name, const char *type, bool is_first,
                       bool is_modern)
{
    buf_format(out, "%s%s %s%s", is_first ? "" : ", ", name, type,
               is_modern ? " CODEC(ZSTD(1))" : "");
}

static void add_columns(struct buf *out, const struct table *t, bool is_modern)
{
    bool is_first = true;
    for (int f = 0; !t->columns && f < FIELD_COUNT; f++)
        if (field_infos[f].stages & STAGE_FLOW) {
            add_column(out, field_infos[f].name, field_type_clickhouse(field_infos[f].type),
                       is_first, is_modern);
            is_first = false;
        }
    for (const struct column *c = t->columns; c && c->name; c++) {
        add_column(out, c->name, c->type, is_first, is_modern);
        is_first = false;
    }
}

/* Facts are on the disk when an INSERT returns. What is derived is compared with the facts at every
 * opening and made again when it differs, so it need not wait for the disk. No table has a
 * deduplication window: an interrupted import takes out what it finds unfinished and writes the
 * same again, and the engine would drop just that as a repeat. */
void store_table_ddl(struct buf *out, const struct table *t, bool is_modern)
{
    buf_format(out, "CREATE TABLE IF NOT EXISTS %s (", t->name);
    add_columns(out, t, is_modern);
    buf_format(out, ") ENGINE = %s PARTITION BY %s ORDER BY (%s)", t->engine, t->partition,
               t->order);
    if (is_modern && !t->is_derived)
        buf_text(out, " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, "
                      "min_compressed_bytes_to_fsync_after_merge = 1");
}

void flow_columns(struct buf *out)
{
    bool is_first = true;
    for (int f = 0; f < FIELD_COUNT; f++)
        if (field_infos[f].stages & STAGE_FLOW) {
            buf_format(out, "%s%s", is_first ? "" : ", ", field_infos[f].name);
            is_first = false;
        }
}
