/* SPDX-License-Identifier: Apache-2.0 */
#include "store/forget.h"
#include "store/store_in.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/zone.h"
#include "store/outbox.h"
#include "store/tables.h"

/* Raised when the tables change; a store of another layout is refused, not guessed at. */
static const char layout[] = "3";

enum { SYMBOLS_MAX = 1 << 20, STATEMENT_MAX = 1 << 20 };

/* --- writing --- */

int store_insert(struct store *s, const char *table, const struct block *b, struct error *err)
{
    if (block_rows(b) == 0)
        return 0;
    struct buf columns, native;
    buf_init(&columns, STATEMENT_MAX);
    buf_init(&native, engine_result_max);
    for (size_t i = 0; i < block_columns(b); i++)
        buf_format(&columns, "%s%s", i ? ", " : "", block_column_name(b, i));
    native_encode_block(&native, b);
    int status =
        native.failed
            ? error_set(err, ERROR_FAILED, "too many rows for one insert into %s", table)
            : engine_insert(s->engine, table, columns.at, bytes_of(native.at, native.len), err);
    buf_done(&columns);
    buf_done(&native);
    return status;
}

struct block *store_new_symbols(struct store *s)
{
    struct block *b = NULL;
    for (int kind = 1; kind < SYMBOL_KINDS; kind++) {
        uint32_t count = symbols_count(s->symbols, (enum symbol_kind)kind);
        for (uint32_t code = s->saved[kind] + 1; code <= count; code++) {
            const char *text = symbols_text(s->symbols, (enum symbol_kind)kind, code);
            if (!b) {
                b = block_new();
                block_column(b, "kind", "UInt8");
                block_column(b, "code", "UInt32");
                block_column(b, "text", "String");
            }
            block_put_u64(b, (uint64_t)kind);
            block_put_u64(b, code);
            block_put_bytes(b, text, strlen(text));
        }
        s->saved[kind] = count;
    }
    return b;
}

int store_settle(struct store *s, struct error *err)
{
    int status = s->outbox ? outbox_settle(s->outbox, err) : 0;
    s->was_stale |= s->has_dropped;
    s->has_dropped = false;
    return status;
}

bool store_failed(struct store *s)
{
    return s->outbox && outbox_failed(s->outbox);
}

size_t store_unfinished(struct store *s)
{
    return s->outbox ? outbox_unfinished(s->outbox) : 0;
}

int store_set_meta(struct store *s, const char *key, const char *value, struct error *err)
{
    struct block *b = block_new();
    block_column(b, "key", "String");
    block_column(b, "value", "String");
    block_column(b, "version", "UInt64");
    block_put_bytes(b, key, strlen(key));
    block_put_bytes(b, value, strlen(value));
    block_put_u64(b, ++s->meta_version);
    int status = store_insert(s, "meta", b, err);
    block_free(b);
    return status;
}

/* A DELETE is a mutation that runs in the background: wait for it. */
int store_delete(struct store *s, const char *table, const char *where, struct error *err)
{
    char sql[1024];
    snprintf(sql, sizeof sql, "ALTER TABLE %s DELETE WHERE %s", table, where);
    int status = engine_run(s->engine, sql, err);
    snprintf(sql, sizeof sql,
             "SELECT count() AS n FROM system.mutations WHERE database = currentDatabase() AND "
             "table = '%s' AND is_done = 0",
             table);
    for (unsigned tries = 0; status == 0; tries++) {
        struct block *b;
        status = engine_query(s->engine, sql, &b, err);
        if (status)
            break;
        bool is_done = block_rows(b) == 1 && block_u64(b, 0, 0) == 0;
        block_free(b);
        if (is_done)
            break;
        if (tries == 6000)
            status = error_set(err, ERROR_FAILED, "rows of table %s cannot be removed", table);
        usleep(tries < 100 ? 5000 : 100000);
    }
    return status;
}

/* --- opening --- */

/* How many of our tables are there, the first that is not, and whether the last is: then all were.
 */
static int find_tables(struct store *s, int *ret_count, const char **ret_missing,
                       bool *ret_has_last, struct error *err)
{
    struct block *b;
    int status = engine_query(
        s->engine,
        "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name", &b, err);
    if (status)
        return status;
    *ret_count = 0;
    *ret_missing = "";
    *ret_has_last = false;
    for (int i = store_table_count - 1; i >= 0; i--) {
        bool is_there = false;
        for (size_t row = 0; row < block_rows(b) && !is_there; row++)
            is_there = bytes_equal(block_bytes(b, 0, row), bytes_of_text(tables[i].name));
        *ret_count += is_there;
        if (i == store_table_count - 1)
            *ret_has_last = is_there;
        if (!is_there)
            *ret_missing = tables[i].name;
    }
    block_free(b);
    return 0;
}

static int make_table(struct store *s, const struct table *t, struct error *err)
{
    struct buf sql;
    buf_init(&sql, STATEMENT_MAX);
    store_table_ddl(&sql, t, engine_is_modern(s->engine));
    int status = engine_run(s->engine, sql.at, err);
    buf_done(&sql);
    return status;
}

/* All, or those that are made again from the others: a store of before they came, or that lost
 * them. */
static int make_tables(struct store *s, bool derived_only, struct error *err)
{
    int status = 0;
    for (int i = 0; i < store_table_count && status == 0; i++)
        if (tables[i].is_derived || !derived_only)
            status = make_table(s, &tables[i], err);
    return status ? status : engine_keep_metadata(s->engine, err);
}

static int ensure_tables(struct store *s, enum store_mode mode, struct error *err)
{
    int count;
    bool has_last;
    const char *missing;
    int status = find_tables(s, &count, &missing, &has_last, err);
    if (status || count == store_table_count)
        return status;
    if (mode == STORE_READ && count == 0)
        return error_set(err, ERROR_FAILED, "the study's store %s is empty: import something first",
                         s->study->store);
    if (has_last) {
        status = make_tables(s, true, err);
        if (status == 0)
            status = find_tables(s, &count, &missing, &has_last, err);
        if (status || count == store_table_count)
            return status;
    }
    if (mode == STORE_READ || has_last)
        return error_set(err, ERROR_DAMAGED, "the store lacks table %s", missing);
    return make_tables(s, false, err);
}

struct meta {
    char layout[32], derived[DERIVED_MARK_MAX];
};

static void copy_text(char *to, size_t size, struct bytes from)
{
    size_t len = from.len < size ? from.len : size - 1;
    memcpy(to, from.at, len);
    to[len] = 0;
}

static int read_meta(struct store *s, struct meta *ret, struct error *err)
{
    struct block *b;
    int status =
        engine_query(s->engine,
                     "SELECT key, argMax(value, version) AS v, max(version) AS n FROM meta "
                     "GROUP BY key",
                     &b, err);
    if (status)
        return status;
    *ret = (struct meta){.layout = ""};
    for (size_t i = 0; i < block_rows(b); i++) {
        struct bytes key = block_bytes(b, 0, i), value = block_bytes(b, 1, i);
        if (block_u64(b, 2, i) > s->meta_version)
            s->meta_version = block_u64(b, 2, i);
        if (bytes_equal(key, bytes_of_text("layout")))
            copy_text(ret->layout, sizeof ret->layout, value);
        if (bytes_equal(key, bytes_of_text("derived")))
            copy_text(ret->derived, sizeof ret->derived, value);
    }
    block_free(b);
    return 0;
}

/* A new store has no `layout` yet; it is written last, so one that has it is complete. */
static int check_meta(struct store *s, enum store_mode mode, struct meta *m, struct error *err)
{
    int status = read_meta(s, m, err);
    if (status)
        return status;
    if (!m->layout[0] && mode == STORE_READ)
        return error_set(err, ERROR_FAILED, "the study's store %s is empty: import something first",
                         s->study->store);
    if (m->layout[0] && strcmp(m->layout, layout) != 0)
        return error_set(
            err, ERROR_FAILED,
            "the store has layout %s and this program needs %s: import into a new store", m->layout,
            layout);
    if (m->layout[0])
        return 0;
    /* Nothing is derived from nothing: that is fresh. */
    status = derive_mark_fresh(s, err);
    if (status == 0)
        status = store_set_meta(s, "layout", layout, err);
    return status ? status : read_meta(s, m, err);
}

static int load_symbols(struct store *s, struct error *err)
{
    struct block *b;
    int status = engine_query(s->engine,
                              "SELECT kind, code, any(text) AS t FROM symbol GROUP BY kind, code "
                              "ORDER BY kind, code",
                              &b, err);
    if (status)
        return status;
    for (size_t i = 0; status == 0 && i < block_rows(b); i++) {
        uint64_t kind = block_u64(b, 0, i), code = block_u64(b, 1, i);
        struct bytes text = block_bytes(b, 2, i);
        if (kind == 0 || kind >= SYMBOL_KINDS ||
            symbols_restore(s->symbols, (enum symbol_kind)kind, (uint32_t)code,
                            (const char *)text.at, text.len) != 0)
            status = error_set(err, ERROR_DAMAGED,
                               "the store lacks symbols: of kind %" PRIu64 ", before code %" PRIu64,
                               kind, code);
    }
    block_free(b);
    for (int kind = 1; kind < SYMBOL_KINDS; kind++)
        s->saved[kind] = symbols_count(s->symbols, (enum symbol_kind)kind);
    return status;
}

struct source_row *store_source(struct store *s, uint32_t id)
{
    if (id > s->source_count) {
        s->sources = memory_resize(s->sources, id, sizeof *s->sources);
        memset(s->sources + s->source_count, 0, (id - s->source_count) * sizeof *s->sources);
        s->source_count = id;
    }
    return &s->sources[id - 1];
}

static int load_sources(struct store *s, struct error *err)
{
    struct block *b;
    int status =
        engine_query(s->engine,
                     "SELECT id, max(version) AS n, argMax(state, version) AS t, "
                     "argMax(conversations, version) AS c FROM source GROUP BY id ORDER BY id",
                     &b, err);
    if (status)
        return status;
    for (size_t i = 0; i < block_rows(b) && status == 0; i++) {
        uint32_t id = (uint32_t)block_u64(b, 0, i);
        if (id == 0 || id > symbols_count(s->symbols, SYMBOL_SOURCE))
            status =
                error_set(err, ERROR_DAMAGED, "the store lacks the symbol of source %" PRIu32, id);
        else
            *store_source(s, id) = (struct source_row){.id = id,
                                                       .version = (uint32_t)block_u64(b, 1, i),
                                                       .state = (uint8_t)block_u64(b, 2, i),
                                                       .conversations = block_u64(b, 3, i)};
    }
    block_free(b);
    return status;
}

/* Parts that chDB set aside when it found them broken; of derived tables they are made again. */
static int check_detached(struct store *s, struct error *err)
{
    struct block *b;
    if (!engine_is_modern(s->engine))
        return 0;
    int status = engine_query(
        s->engine,
        "SELECT table, name FROM system.detached_parts WHERE "
        "database = currentDatabase() AND reason LIKE '%broken%' AND table NOT IN "
        "('activity', 'daily', 'contact', 'reach', 'met', 'fact', 'doubtful', 'pair', 'pair_day', "
        "'pair_start', 'scan', 'scan_walk', 'scan_port', 'owner_day', 'hidden', 'server', "
        "'port_day', 'device', 'fault') ORDER BY table, name",
        &b, err);
    if (status)
        return status;
    if (block_rows(b) > 0) {
        struct bytes table = block_bytes(b, 0, 0), name = block_bytes(b, 1, 0);
        status = error_set(err, ERROR_DAMAGED,
                           "the engine found %zu broken part%s of the store: %.*s of table %.*s",
                           block_rows(b), block_rows(b) == 1 ? "" : "s", (int)name.len,
                           (const char *)name.at, (int)table.len, (const char *)table.at);
    }
    block_free(b);
    return status;
}

static int check(struct store *s, bool thorough, struct error *err)
{
    int status = check_detached(s, err);
    if (status == 0)
        status = engine_check_files(s->engine, err);
    return status ? status : ledger_compare(s, thorough, err);
}

static int load(struct store *s, enum store_mode mode, struct error *err)
{
    struct meta meta;
    bool differs = false;
    int status = ensure_tables(s, mode, err);
    if (status == 0)
        status = check_meta(s, mode, &meta, err);
    if (status == 0)
        status = load_symbols(s, err);
    if (status == 0)
        status = load_sources(s, err);
    if (status == 0)
        status = reattribute_recover(s, err);
    if (status == 0)
        status = forget_recover(s, err);
    if (status == 0)
        status = check(s, false, err);
    if (status)
        return status;
    s->is_stale = s->was_stale = !derive_is_fresh(s, meta.derived);
    if (!s->is_stale)
        status = derive_differs(s, meta.derived, &differs, err);
    /* Also for a reader: what it would read is wrong otherwise. */
    return status ? status : store_derive(s, differs, err);
}

/* Opening an embedded engine makes its folder; a reader must not. */
static int check_exists(const struct study *study, enum store_mode mode, struct error *err)
{
    char mark[PATH_MAX];
    if (mode == STORE_WRITE || study->store_is_server)
        return 0;
    snprintf(mark, sizeof mark, "%s/telltale.lock", study->store);
    if (access(mark, F_OK) == 0)
        return 0;
    return error_set(err, ERROR_FAILED, "the study has no store yet (%s): import something first",
                     study->store);
}

int store_open(const struct study *study, enum store_mode mode, struct store **ret,
               struct error *err)
{
    int status = check_exists(study, mode, err);
    if (status)
        return status;
    struct store *s = memory_alloc(sizeof *s);
    s->study = study;
    s->symbols = symbols_new(SYMBOLS_MAX);
    s->arena = arena_new((size_t)1 << 30);
    s->slot_s = derive_slot_s(study);
    status = engine_open(study->store, NULL, &s->engine, err);
    if (status == 0)
        status = load(s, mode, err);
    if (status) {
        store_close(s);
        return status;
    }
    *ret = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->outbox)
        outbox_settle(s->outbox, NULL); /* sources begun and given up shall be seen as such */
    outbox_free(s->outbox);
    engine_close(s->engine);
    symbols_free(s->symbols);
    arena_free(s->arena);
    free(s->sources);
    free(s);
}

struct engine *store_engine(struct store *s)
{
    return s->engine;
}

struct symbols *store_symbols(struct store *s)
{
    return s->symbols;
}

uint32_t store_slot_s(const struct store *s)
{
    return s->slot_s;
}

/* Every octet of the facts against the engine's own checksums. 18.16 cannot. */
static int check_octets(struct store *s, const char *table, struct error *err)
{
    char sql[64];
    struct block *b;
    snprintf(sql, sizeof sql, "CHECK TABLE %s", table);
    int status = engine_query(s->engine, sql, &b, err);
    if (status)
        return status;
    int passed = block_find(b, "is_passed"), path = block_find(b, "part_path");
    for (size_t i = 0; passed >= 0 && path >= 0 && i < block_rows(b) && status == 0; i++) {
        struct bytes part = block_bytes(b, (size_t)path, i);
        if (!block_u64(b, (size_t)passed, i))
            status = error_set(err, ERROR_DAMAGED, "octets of table %s are damaged: part %.*s",
                               table, (int)part.len, (const char *)part.at);
    }
    block_free(b);
    return status;
}

int store_verify(struct store *s, struct error *err)
{
    int status = 0;
    for (int i = 0; i < store_table_count && status == 0 && engine_is_modern(s->engine); i++)
        if (!tables[i].is_derived)
            status = check_octets(s, tables[i].name, err);
    return status ? status : check(s, true, err);
}

/* --- sources --- */

static json_t *time_or_null(uint64_t ms)
{
    char text[TIME_TEXT_MAX];
    if (ms == 0)
        return json_null();
    time_print_ms(ms, text);
    return json_string(text);
}

static json_t *source_json(const struct block *b, size_t row, const char *sha256)
{
    static const char *const counts[] = {"records",    "kept",     "outside",
                                         "duplicates", "rejected", "conversations"};
    json_t *o = json_object();
    struct bytes path = block_bytes(b, 1, row), format = block_bytes(b, 2, row);
    struct bytes reasons = block_bytes(b, 12, row);
    json_t *text = json_stringn((const char *)path.at, path.len);
    /* A file's name may be any octets; JSON is UTF-8. */
    json_object_set_new(o, "path", text ? text : json_string("(the name is not UTF-8)"));
    json_object_set_new(o, "format", json_stringn((const char *)format.at, format.len));
    json_object_set_new(o, "sha256", json_string(sha256));
    json_object_set_new(o, "state",
                        json_string(block_u64(b, 3, row) == SOURCE_DONE ? "done" : "interrupted"));
    json_object_set_new(o, "first", time_or_null(block_u64(b, 4, row)));
    json_object_set_new(o, "last", time_or_null(block_u64(b, 5, row)));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(o, counts[i], json_integer((json_int_t)block_u64(b, 6 + i, row)));
    json_t *parsed = json_loadb((const char *)reasons.at, reasons.len, 0, NULL);
    json_object_set_new(o, "reasons", parsed ? parsed : json_object());
    return o;
}

/* A source whose import was killed between its symbol and its row. */
static json_t *unknown_source(const char *sha256)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:n, s:n, s:i, s:i, s:i, s:i, s:i, s:i, s:{}}", "path",
                     "", "format", "", "sha256", sha256, "state", "interrupted", "first", "last",
                     "records", 0, "kept", 0, "outside", 0, "duplicates", 0, "rejected", 0,
                     "conversations", 0, "reasons");
}

int store_sources(struct store *s, json_t **ret, struct error *err)
{
    struct block *b;
    int status = engine_query(
        s->engine,
        "SELECT id, argMax(path, version) AS a, argMax(format, version) AS b, "
        "argMax(state, version) AS c, argMax(first_ms, version) AS d, argMax(last_ms, version) AS "
        "e, "
        "argMax(records, version) AS f, argMax(kept, version) AS g, argMax(outside, version) AS h, "
        "argMax(duplicates, version) AS i, argMax(rejected, version) AS j, "
        "argMax(conversations, version) AS k, argMax(reasons, version) AS l "
        "FROM source GROUP BY id ORDER BY id",
        &b, err);
    if (status)
        return status;
    json_t *list = json_array();
    uint32_t count = symbols_count(s->symbols, SYMBOL_SOURCE);
    size_t row = 0;
    for (uint32_t id = 1; id <= count; id++) {
        const char *sha256 = symbols_text(s->symbols, SYMBOL_SOURCE, id);
        bool has = row < block_rows(b) && block_u64(b, 0, row) == id;
        json_array_append_new(list, has ? source_json(b, row, sha256) : unknown_source(sha256));
        row += has;
    }
    block_free(b);
    *ret = list;
    return 0;
}
