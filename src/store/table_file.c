/* SPDX-License-Identifier: Apache-2.0 */
#include "store/table_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"

/* The engine remembers the columns of a path, and one descriptor's path means many files in turn.
 */
#define NO_CACHE "schema_inference_use_cache_for_file = 0"

enum { STATEMENT_MAX = 1 << 20, NAME_MAX_OCTETS = 256 };

struct table_file {
    struct engine *engine;
    int fd;
    bool has[TABLE_COLUMNS];
    enum table_kind kind;
    struct buf columns; /* SELECT's list: column c as c<number> */
    int (*each)(void *ctx, const struct table_row *row);
    void *ctx;
};

/* The descriptor is the path: no other file can be meant, however the file is called (the engine
 * would take '*' and '{' of a name for a pattern). */
static void add_source(struct buf *sql, int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    buf_text(sql, "file(unhex('");
    for (const char *at = path; *at; at++)
        buf_format(sql, "%02X", (unsigned char)*at);
    buf_text(sql, "'), 'Parquet')");
}

/* A column's name comes from the file: every octet of it is escaped. */
static void add_identifier(struct buf *sql, struct bytes name)
{
    buf_text(sql, "`");
    for (size_t i = 0; i < name.len; i++)
        buf_format(sql, "\\x%02X", name.at[i]);
    buf_text(sql, "`");
}

static bool contains(struct bytes text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != NULL;
}

/* Lists and structures are no cells. */
static bool is_plain(struct bytes type)
{
    static const char *const nested[] = {"Array", "Map", "Tuple", "Nested", "Variant", "JSON"};
    for (size_t i = 0; i < sizeof nested / sizeof *nested; i++)
        if (contains(type, nested[i]))
            return false;
    return true;
}

static void add_column(struct buf *list, enum table_column column, struct bytes name,
                       struct bytes type)
{
    bool is_time = contains(type, "DateTime");
    buf_format(list, "%sifNull(toString(%s", list->len ? ", " : "", is_time ? "toTimeZone(" : "");
    add_identifier(list, name);
    buf_format(list, "%s), '') AS c%d", is_time ? ", 'UTC')" : "", column);
}

static void take_columns(struct table_file *f, const struct block *described,
                         const struct table_map *map)
{
    int rank_of[TABLE_COLUMNS];
    size_t row_of[TABLE_COLUMNS];
    bool argus[3] = {false, false, false};
    for (size_t row = 0; row < block_rows(described); row++) {
        struct bytes name = block_bytes(described, 0, row), type = block_bytes(described, 1, row);
        enum table_column column = table_column_of(map, name);
        int rank = table_rank(map, name);
        argus[0] |= bytes_equal(name, bytes_of_text("StartTime"));
        argus[1] |= bytes_equal(name, bytes_of_text("SrcAddr"));
        argus[2] |= bytes_equal(name, bytes_of_text("Dir"));
        if (column == TABLE_COLUMNS || !is_plain(type) || name.len > NAME_MAX_OCTETS ||
            (f->has[column] && rank <= rank_of[column]))
            continue;
        f->has[column] = true;
        rank_of[column] = rank;
        row_of[column] = row;
    }
    f->kind = argus[0] && argus[1] && argus[2] ? TABLE_ARGUS : TABLE_PARQUET;
    for (int c = 0; c < TABLE_COLUMNS; c++)
        if (f->has[c])
            add_column(&f->columns, (enum table_column)c, block_bytes(described, 0, row_of[c]),
                       block_bytes(described, 1, row_of[c]));
}

static int describe(struct table_file *f, const struct table_map *map, struct error *err)
{
    struct buf sql;
    struct block *described;
    buf_init(&sql, STATEMENT_MAX);
    buf_text(&sql, "DESCRIBE TABLE ");
    add_source(&sql, f->fd);
    buf_text(&sql, " SETTINGS " NO_CACHE);
    int status = engine_query(f->engine, sql.at, &described, err);
    buf_done(&sql);
    if (status == 0) {
        take_columns(f, described, map);
        block_free(described);
    }
    return status;
}

int table_file_open(struct engine *engine, int fd, const struct table_map *map, const char *shown,
                    struct table_file **ret, struct error *err)
{
    char missing[128];
    struct table_file *f = memory_alloc(sizeof *f);
    f->engine = engine;
    f->fd = fd;
    buf_init(&f->columns, STATEMENT_MAX);
    int status = describe(f, map, err);
    if (status < 0)
        error_context(err, "%s", shown);
    else if (!table_suffices(f->has, missing))
        status = error_set(err, ERROR_FAILED,
                           "%s: a table without column %s (others' names: --map %s=NAME)", shown,
                           missing, missing);
    if (status < 0) {
        table_file_free(f);
        return status;
    }
    *ret = f;
    return 0;
}

void table_file_free(struct table_file *f)
{
    if (!f)
        return;
    buf_done(&f->columns);
    free(f);
}

enum table_kind table_file_kind(const struct table_file *f)
{
    return f->kind;
}

const bool *table_file_has(const struct table_file *f)
{
    return f->has;
}

static int give_rows(void *ctx, const struct block *b)
{
    struct table_file *f = ctx;
    int status = 0;
    for (size_t row = 0; row < block_rows(b) && status == 0; row++) {
        struct table_row cells = {0};
        size_t at = 0;
        for (int c = 0; c < TABLE_COLUMNS; c++)
            if (f->has[c])
                cells.cell[c] = block_bytes(b, at++, row);
        status = f->each(f->ctx, &cells);
    }
    return status;
}

int table_file_read(struct table_file *f, int (*each)(void *ctx, const struct table_row *row),
                    void *ctx, struct error *err)
{
    struct buf sql;
    buf_init(&sql, STATEMENT_MAX);
    buf_format(&sql, "SELECT %s FROM ", f->columns.at);
    add_source(&sql, f->fd);
    /* One thread, in order: the same file must make the same batches each time. The statement lasts
     * as long as the import of its rows does. */
    buf_text(&sql,
             " SETTINGS " NO_CACHE ", max_threads = 1, input_format_parquet_preserve_order = 1, "
             "max_block_size = 16384, max_execution_time = 0");
    f->each = each;
    f->ctx = ctx;
    int status = engine_query_each(f->engine, sql.at, give_rows, f, err);
    buf_done(&sql);
    return status;
}
