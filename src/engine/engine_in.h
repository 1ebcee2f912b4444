/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine must do, for engine.c, chdb.c and http.c only. */
#ifndef TELLTALE_ENGINE_ENGINE_IN_H
#define TELLTALE_ENGINE_ENGINE_IN_H

#include "engine/engine.h"

/* Takes the octets of a result as they come; a non-zero answer stops the statement. */
typedef int engine_sink(void *ctx, const void *at, size_t len);

/* Octets and words of a statement; the engines' own limits are for people who type. */
enum { ENGINE_QUERY_MAX = 64 << 20, ENGINE_AST_MAX = 10000000 };

struct engine_ops {
    const char *kind;
    int (*run)(struct engine *e, const char *sql, struct error *err);
    int (*insert)(struct engine *e, const char *table, const char *columns, struct bytes native,
                  struct error *err);
    /* Returns the sink's answer where that is not 0. */
    int (*query)(struct engine *e, const char *sql, const char *format, engine_sink *sink,
                 void *ctx, struct error *err);
    int (*query_to_fd)(struct engine *e, const char *sql, const char *format, int fd,
                       struct error *err);
    int (*check_files)(struct engine *e, struct error *err);   /* NULL: nothing to check */
    int (*keep_metadata)(struct engine *e, struct error *err); /* NULL: not ours to keep */
    void (*close)(struct engine *e);
};

struct engine {
    const struct engine_ops *ops;
    struct engine_limits limits;
    char version[64];
    bool is_modern;
};

/* Fills `version` and `is_modern` by asking. */
int engine_ask_version(struct engine *e, struct error *err);
/* The engine's error text as one line. */
int engine_error(struct error *err, const char *text, size_t len);

#endif
