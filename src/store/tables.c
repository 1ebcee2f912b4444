/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tables.h"

#include <string.h>

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

static const struct column reach[] = {
    {"local", "FixedString(16)"}, {"service", "UInt16"}, {"category", "UInt16"},
    {"country", "UInt16"},        {"owner", "UInt8"},    {"role", "UInt8"},
    {"pivot", "UInt8"},           {"flows", "UInt64"},   {NULL, NULL},
};

static const struct column met[] = {
    {"country", "UInt16"},
    {"asn", "UInt32"},
    {"owner", "UInt8"},
    {"flows", "UInt64"},
    {"local_hosts", "UInt64"},
    {"remote_hosts", "UInt64"},
    {"days", "UInt32"},
    {"remote", "FixedString(16)"},
    {NULL, NULL},
};

static const struct column fact[] = {{"name", "String"}, {"value", "UInt64"}, {NULL, NULL}};

static const struct column doubtful[] = {
    {"slot", "UInt32"},  {"candidates", "UInt32"}, {"category", "UInt16"}, {"role", "UInt8"},
    {"flows", "UInt64"}, {"packets", "UInt64"},    {"octets", "UInt64"},   {NULL, NULL},
};

static const struct column pair[] = {
    {"local", "FixedString(16)"},
    {"remote", "FixedString(16)"},
    {"service", "UInt16"},
    {"seen", "UInt32"},
    {"flows", "UInt64"},
    {"squares", "UInt64"},
    {NULL, NULL},
};

static const struct column pair_day[] = {
    {"local", "FixedString(16)"}, {"remote", "FixedString(16)"},
    {"service", "UInt16"},        {"day", "Date"},
    {"flows", "UInt64"},          {NULL, NULL},
};

static const struct column pair_start[] = {
    {"local", "FixedString(16)"},
    {"remote", "FixedString(16)"},
    {"service", "UInt16"},
    {"start_s", "UInt32"},
    {NULL, NULL},
};

static const struct column scan[] = {
    {"inward", "UInt8"},   {"source", "FixedString(16)"},
    {"failed", "UInt64"},  {"targets", "UInt32"},
    {"ports", "UInt32"},   {"ports_of_one", "UInt32"},
    {"days", "UInt32"},    {"first_ms", "UInt64"},
    {"last_ms", "UInt64"}, {"country", "UInt16"},
    {"asn", "UInt32"},     {NULL, NULL},
};

static const struct column scan_walk[] = {
    {"inward", "UInt8"},         {"source", "FixedString(16)"}, {"flows", "UInt64"},
    {"ports_in_vain", "UInt32"}, {"walk", "Array(UInt8)"},      {NULL, NULL},
};

static const struct column scan_port[] = {
    {"inward", "UInt8"}, {"source", "FixedString(16)"}, {"port", "UInt16"}, {"targets", "UInt64"},
    {NULL, NULL},
};

static const struct column owner_day[] = {
    {"day", "Date"},     {"service", "UInt16"}, {"category", "UInt16"}, {"owner", "UInt8"},
    {"flows", "UInt64"}, {"packets", "UInt64"}, {"octets", "UInt64"},   {NULL, NULL},
};

static const struct column hidden[] = {
    {"day", "Date"},       {"local", "FixedString(16)"}, {"remote", "FixedString(16)"},
    {"service", "UInt16"}, {"category", "UInt16"},       {"asn", "UInt32"},
    {"owner", "UInt8"},    {"first_ms", "UInt64"},       {"flows", "UInt64"},
    {NULL, NULL},
};

static const struct column server[] = {
    {"local", "FixedString(16)"}, {"port", "UInt16"},    {"protocol", "UInt8"},
    {"flows", "UInt64"},          {"remotes", "UInt64"}, {"days", "UInt32"},
    {"first_ms", "UInt64"},       {"last_ms", "UInt64"}, {"service", "UInt16"},
    {"octets_out", "UInt64"},     {NULL, NULL},
};

static const struct column port_day[] = {
    {"protocol", "UInt8"}, {"port", "UInt16"}, {"day", "Date"}, {"flows", "UInt64"}, {NULL, NULL},
};

static const struct column device[] = {
    {"local", "FixedString(16)"}, {"platform", "UInt8"},
    {"platform_basis", "UInt8"},  {"day", "Date"},
    {"flows", "UInt64"},          {NULL, NULL},
};

static const struct column fault[] = {
    {"tls_faults", "UInt16"},  {"local", "FixedString(16)"}, {"remote", "FixedString(16)"},
    {"remote_port", "UInt16"}, {"flows", "UInt64"},          {NULL, NULL},
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
    {"flow", NULL, "MergeTree", "day", "remote, local, start_ms", false},
    {"activity", activity, "MergeTree", "day", "slot, service, country, role", true},
    {"daily", daily, "MergeTree", "day", "local, service", true},
    {"contact", contact, "MergeTree", "day", "local, remote, service", true},
    {"reach", reach, "MergeTree", "tuple()", "local, service", true},
    {"met", met, "MergeTree", "tuple()", "country, asn", true},
    {"fact", fact, "MergeTree", "tuple()", "name", true},
    {"doubtful", doubtful, "MergeTree", "tuple()", "slot, candidates", true},
    {"pair", pair, "MergeTree", "tuple()", "local, remote, service", true},
    {"pair_day", pair_day, "MergeTree", "tuple()", "local, remote, service, day", true},
    {"pair_start", pair_start, "MergeTree", "tuple()", "local, remote, service, start_s", true},
    {"scan", scan, "MergeTree", "tuple()", "inward, source", true},
    {"scan_walk", scan_walk, "MergeTree", "tuple()", "inward, source", true},
    {"scan_port", scan_port, "MergeTree", "tuple()", "inward, source, targets", true},
    {"owner_day", owner_day, "MergeTree", "tuple()", "day, service, category, owner", true},
    {"hidden", hidden, "MergeTree", "tuple()", "local, remote, service, day", true},
    {"server", server, "MergeTree", "tuple()", "local, port, protocol", true},
    {"port_day", port_day, "MergeTree", "tuple()", "protocol, port, day", true},
    {"device", device, "MergeTree", "tuple()", "platform, local, day", true},
    {"fault", fault, "MergeTree", "tuple()", "tls_faults, local, remote, remote_port", true},
    {"coverage", coverage, "MergeTree", "day", "hour, exporter", false},
    {"source", source, "ReplacingMergeTree(version)", "tuple()", "id", false},
    {"ledger", ledger, "MergeTree", "tuple()", "source, batch", false},
    {"symbol", symbol, "ReplacingMergeTree", "tuple()", "kind, code", false},
    {"meta", meta, "ReplacingMergeTree(version)", "tuple()", "key", false},
};
const int store_table_count = sizeof tables / sizeof *tables;

/* ZSTD at level 1 costs hardly more than LZ4 here and halves the table. T64 before it puts the bits
 * of 64 numbers side by side: a sixth less, and faster, since ZSTD has less to do. It is for
 * columns of numbers that do not repeat; those of one octet, addresses and texts do without
 * (docs/store.md). */
static void add_column(struct buf *out, const char *name, const char *type, bool is_first,
                       bool is_modern)
{
    bool is_number = strncmp(type, "UInt", 4) == 0 && strcmp(type, "UInt8") != 0;
    buf_format(out, "%s%s %s%s", is_first ? "" : ", ", name, type,
               !is_modern  ? ""
               : is_number ? " CODEC(T64, ZSTD(1))"
                           : " CODEC(ZSTD(1))");
}

static void add_flow_columns(struct buf *out, bool is_modern)
{
    bool is_first = true;
    for (int f = 0; f < FIELD_COUNT; f++) {
        if (!(field_infos[f].stages & STAGE_FLOW))
            continue;
        if (f == FIELD_end_ms)
            add_column(out, FLOW_LENGTH, "UInt64", is_first, is_modern);
        else
            add_column(out, field_infos[f].name, field_type_clickhouse(field_infos[f].type),
                       is_first, is_modern);
        is_first = false;
    }
    buf_text(out, ", end_ms UInt64 ALIAS start_ms + " FLOW_LENGTH);
}

static void add_columns(struct buf *out, const struct table *t, bool is_modern)
{
    if (!t->columns)
        add_flow_columns(out, is_modern);
    for (const struct column *c = t->columns; c && c->name; c++)
        add_column(out, c->name, c->type, c == t->columns, is_modern);
}

/* A part smaller than this keeps its columns in one file, and not in two files a column that all
 * have to be synced: what one INSERT brings is smaller. */
enum { WIDE_OCTETS = 128 << 20 };

/* Parts of `flow` are merged while that makes one of at most so many octets: what small files
 * brought. Larger ones are sorted and packed as well as they will be. */
enum { MERGE_OCTETS = 8 << 20 };

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
    if (!is_modern)
        return;
    buf_format(out, " SETTINGS min_bytes_for_wide_part = %d", WIDE_OCTETS);
    if (!t->columns)
        buf_format(out, ", max_bytes_to_merge_at_max_space_in_pool = %d", MERGE_OCTETS);
    if (!t->is_derived)
        buf_text(out, ", fsync_after_insert = 1, fsync_part_directory = 1, "
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

/* --- rows --- */

/* Zero in every row: the engine fills such columns itself. */
static bool is_zero(struct batch *const *batches, size_t count, enum field f)
{
    static const uint8_t zero[IP_OCTETS];
    size_t width = field_type_octets(field_infos[f].type);
    for (size_t b = 0; b < count; b++) {
        const uint8_t *at = batches[b]->columns[f];
        size_t size = batches[b]->rows * width;
        if (size && (memcmp(at, zero, width) != 0 || memcmp(at, at + width, size - width) != 0))
            return false;
    }
    return true;
}

/* The table has the length of a conversation where a row has its end: less than half the octets. */
static void ends_to_lengths(struct batch *b)
{
    for (size_t row = 0; row < b->rows; row++)
        batch_end_ms(b)[row] -= batch_start_ms(b)[row];
}

void flow_encode(struct buf *native, struct buf *columns, struct batch *const *batches,
                 size_t batch_count, const uint32_t *order, size_t rows)
{
    enum field fields[FIELD_COUNT];
    const char *names[FIELD_COUNT];
    size_t count = 0;
    for (size_t b = 0; b < batch_count; b++)
        ends_to_lengths(batches[b]);
    for (int f = 0; f < FIELD_COUNT; f++) {
        if (!(field_infos[f].stages & STAGE_FLOW) ||
            (f != FIELD_start_ms && is_zero(batches, batch_count, (enum field)f)))
            continue;
        fields[count] = (enum field)f;
        names[count] = f == FIELD_end_ms ? FLOW_LENGTH : field_infos[f].name;
        buf_format(columns, "%s%s", count ? ", " : "", names[count]);
        count++;
    }
    native_encode_rows(native,
                       &(struct native_rows){.batches = (const struct batch *const *)batches,
                                             .batch_count = batch_count,
                                             .order = order,
                                             .count = rows,
                                             .fields = fields,
                                             .names = names,
                                             .field_count = count});
}
