/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const struct engine_limits engine_limits_default = {
    .memory_octets = (size_t)2 << 30, .threads = 0, .seconds = 3600};

/* Tests watch every statement of the program; nothing else uses it. */
static engine_trace_fn *trace_fn;
static void *trace_ctx;

void engine_trace(engine_trace_fn *fn, void *ctx)
{
    trace_fn = fn;
    trace_ctx = ctx;
}

static void trace(const struct engine *e, const char *sql)
{
    if (trace_fn)
        trace_fn(trace_ctx, e, sql);
}

int engine_open(const char *store, const struct engine_limits *limits, struct engine **ret,
                struct error *err)
{
    bool is_server = strncmp(store, "clickhouse://", 13) == 0;
    return is_server ? engine_open_http(store, limits, ret, err)
                     : engine_open_chdb(store, limits, ret, err);
}

void engine_close(struct engine *e)
{
    if (e)
        e->ops->close(e);
}

int engine_run(struct engine *e, const char *sql, struct error *err)
{
    trace(e, sql);
    return e->ops->run(e, sql, err);
}

int engine_insert(struct engine *e, const char *table, const char *columns, struct bytes native,
                  struct error *err)
{
    return e->ops->insert(e, table, columns, native, err);
}

/* Octets that came and are not yet whole blocks. */
struct pending {
    struct buf octets;
    size_t next_try; /* not worth looking before so many are there: a large block is not scanned
                        again for every piece of it */
    size_t taken;
    int (*each)(void *ctx, const struct block *b);
    void *ctx;
    struct error *err;
};

static int take_blocks(struct pending *p)
{
    struct bytes rest = bytes_of(p->octets.at, p->octets.len);
    int status = 1;
    while (rest.len && status > 0) {
        struct block *b;
        status = native_decode_next(&rest, &b, p->err);
        if (status > 0) {
            int answer = p->each(p->ctx, b);
            block_free(b);
            if (answer)
                return answer;
        }
    }
    if (status < 0)
        return status;
    if (rest.len)
        memmove(p->octets.at, rest.at, rest.len);
    p->octets.len = rest.len;
    p->next_try = rest.len * 2;
    return 0;
}

static int pending_sink(void *ctx, const void *at, size_t len)
{
    struct pending *p = ctx;
    buf_add(&p->octets, at, len);
    if (p->octets.failed)
        return error_set(p->err, ERROR_FAILED, "a block of the result is larger than %zu MB",
                         p->octets.limit >> 20);
    return p->octets.len >= p->next_try ? take_blocks(p) : 0;
}

int engine_query_each(struct engine *e, const char *sql,
                      int (*each)(void *ctx, const struct block *b), void *ctx, struct error *err)
{
    trace(e, sql);
    struct pending p = {.each = each, .ctx = ctx, .err = err};
    buf_init(&p.octets, engine_result_max);
    int status = e->ops->query(e, sql, "Native", pending_sink, &p, err);
    if (status == 0)
        status = take_blocks(&p);
    if (status == 0 && p.octets.len)
        status = error_set(err, ERROR_FAILED, "the engine's answer ends in the middle");
    buf_done(&p.octets);
    return status;
}

struct whole {
    struct buf octets;
    struct error *err;
};

static int whole_sink(void *ctx, const void *at, size_t len)
{
    struct whole *w = ctx;
    buf_add(&w->octets, at, len);
    if (w->octets.failed)
        return error_set(w->err, ERROR_FAILED, "the result is larger than %zu MB",
                         (size_t)engine_result_max >> 20);
    return 0;
}

int engine_query(struct engine *e, const char *sql, struct block **ret, struct error *err)
{
    trace(e, sql);
    struct whole w = {.err = err};
    buf_init(&w.octets, engine_result_max);
    int status = e->ops->query(e, sql, "Native", whole_sink, &w, err);
    if (status == 0)
        status = native_decode(bytes_of(w.octets.at, w.octets.len), ret, err);
    buf_done(&w.octets);
    return status;
}

int engine_query_format(struct engine *e, const char *sql, const char *format, int fd,
                        struct error *err)
{
    trace(e, sql);
    return e->ops->query_to_fd(e, sql, format, fd, err);
}

int engine_check_files(struct engine *e, struct error *err)
{
    return e->ops->check_files ? e->ops->check_files(e, err) : 0;
}

int engine_keep_metadata(struct engine *e, struct error *err)
{
    return e->ops->keep_metadata ? e->ops->keep_metadata(e, err) : 0;
}

const char *engine_kind(const struct engine *e)
{
    return e->ops->kind;
}

const char *engine_version(const struct engine *e)
{
    return e->version;
}

bool engine_is_modern(const struct engine *e)
{
    return e->is_modern;
}

int engine_ask_version(struct engine *e, struct error *err)
{
    struct block *b;
    int status = engine_query(e, "SELECT version() AS v", &b, err);
    if (status)
        return status;
    if (block_rows(b) == 1) {
        struct bytes v = block_bytes(b, 0, 0);
        size_t len = v.len < sizeof e->version ? v.len : sizeof e->version - 1;
        memcpy(e->version, v.at, len);
        e->version[len] = 0;
        /* What the modern DDL needs (CODEC ZSTD, fsync and deduplication settings) came with 22. */
        e->is_modern = strtoul(e->version, NULL, 10) >= 22;
    }
    block_free(b);
    return 0;
}

int engine_error(struct error *err, const char *text, size_t len)
{
    char line[sizeof err->text];
    size_t at = 0;
    while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    for (size_t i = 0; i < len && at + 1 < sizeof line; i++)
        line[at++] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
    line[at] = 0;
    return error_set(err, ERROR_FAILED, "the engine says: %s", line);
}
