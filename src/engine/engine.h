/* SPDX-License-Identifier: Apache-2.0 */
/* The database behind the store: ClickHouse, in our process (chDB) or as a server (HTTP). One SQL,
 * within the subset that 18.16 and 26.7 both run (docs/engine.md). One statement at a time on an
 * engine; open another for another thread. */
#ifndef TELLTALE_ENGINE_ENGINE_H
#define TELLTALE_ENGINE_ENGINE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "batch/block.h"

struct engine;

struct engine_limits {
    size_t memory_octets;
    unsigned threads;
    unsigned seconds; /* for one statement; 0: none */
};
extern const struct engine_limits engine_limits_default; /* threads 0: one a core */

/* Of one result of engine_query(), and of one block of engine_query_each(). */
#define engine_result_max ((size_t)512 << 20)

/* Opens the embedded engine on folder `path` (made when missing). ERROR_BUSY when another process
 * has it; the text names its pid. A missing or wrong library is an error that names ./setup. */
int engine_open_chdb(const char *path, const struct engine_limits *limits, struct engine **ret,
                     struct error *err);
/* chDB reads the process's stdin, so opening it puts /dev/null there. Before and after, this is the
 * descriptor of the stdin that the program was given: read that, never 0. */
int engine_stdin(void);
/* clickhouse://[user[:password]@]host[:port]/database. The database is made when missing. */
int engine_open_http(const char *url, const struct engine_limits *limits, struct engine **ret,
                     struct error *err);
/* Whichever `store` names (study->store). */
int engine_open(const char *store, const struct engine_limits *limits, struct engine **ret,
                struct error *err);
void engine_close(struct engine *e);

/* A statement without result, or whose result nobody wants. */
int engine_run(struct engine *e, const char *sql, struct error *err);
/* Inserts a Native block; `columns` is "a, b, c" in the block's order. Durable when it returns 0.
 * The engine drops nothing as a repeat: whether a batch is there already, the import asks (store).
 */
int engine_insert(struct engine *e, const char *table, const char *columns, struct bytes native,
                  struct error *err);
/* A query's whole result, at most engine_result_max octets. */
int engine_query(struct engine *e, const char *sql, struct block **ret, struct error *err);
/* The same block by block for results of any size; a non-zero answer of `each` stops it and is
 * returned. `each` must not use the engine. */
int engine_query_each(struct engine *e, const char *sql,
                      int (*each)(void *ctx, const struct block *b), void *ctx, struct error *err);
/* The result in one of the engine's own formats (Parquet on chDB only), written to `fd`. */
int engine_query_format(struct engine *e, const char *sql, const char *format, int fd,
                        struct error *err);

/* Failed writes are not noticed by chDB 26.7.3 (docs/engine.md). An insert is checked by itself;
 * this compares the files of all tables with what the engine believes of them: ERROR_DAMAGED names
 * the first that is short. A server is trusted. */
int engine_check_files(struct engine *e, struct error *err);

/* To be called after tables were made or changed: the embedded engine keeps a copy of their
 * descriptions, and opening compares (ERROR_DAMAGED), since one wrong octet there shuts the store.
 */
int engine_keep_metadata(struct engine *e, struct error *err);

const char *engine_kind(const struct engine *e);    /* "chdb", "clickhouse" */
const char *engine_version(const struct engine *e); /* "26.7.3.1", as the engine says */
bool engine_is_modern(const struct engine *e);      /* false: 18.16's DDL, no fsync settings */

/* For tests: `fn` sees every statement that any engine gets, before it runs. NULL ends it. */
typedef void engine_trace_fn(void *ctx, const struct engine *e, const char *sql);
void engine_trace(engine_trace_fn *fn, void *ctx);

#endif
