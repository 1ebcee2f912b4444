/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/parquet.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "engine/engine.h"

enum { STATEMENT_MAX = 1 << 20 };

struct parquet {
    struct engine *engine;
    char folder[64]; /* ours, or empty */
};

FILE *spool_open(struct error *err)
{
    const char *dir = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/telltale-rows-XXXXXX", dir && *dir ? dir : "/var/tmp");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        error_errno(err, "%s", path);
        return NULL;
    }
    unlink(path);
    FILE *file = fdopen(fd, "w+");
    if (!file)
        error_errno(err, "%s", path);
    return file;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void add_hex(struct buf *out, const char *text, size_t len)
{
    buf_text(out, "unhex('");
    for (size_t i = 0; i < len; i++)
        buf_format(out, "%02X", (unsigned char)text[i]);
    buf_text(out, "')");
}

static int convert(struct engine *engine, FILE *rows, const char *structure, int fd,
                   struct error *err)
{
    struct buf sql;
    char path[64];
    size_t len = strlen(structure);
    len -= len && structure[len - 1] == ',';
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(rows));
    buf_init(&sql, STATEMENT_MAX);
    buf_text(&sql, "SELECT * FROM file(");
    add_hex(&sql, path, strlen(path));
    buf_text(&sql, ", 'JSONEachRow', ");
    add_hex(&sql, structure, len);
    buf_text(&sql, ") SETTINGS date_time_input_format = 'best_effort', max_threads = 1, "
                   "input_format_parallel_parsing = 0, max_execution_time = 0");
    int status = engine_query_format(engine, sql.at, "Parquet", fd, err);
    buf_done(&sql);
    return status;
}

int parquet_write(struct parquet *p, FILE *rows, const char *structure, int fd, struct error *err)
{
    if (fflush(rows) || ferror(rows))
        return error_errno(err, "rows on their way to Parquet");
    return convert(p->engine, rows, structure, fd, err);
}

int parquet_open(const char *store, struct parquet **ret, struct error *err)
{
    struct parquet *p = memory_alloc(sizeof *p);
    snprintf(p->folder, sizeof p->folder, "/var/tmp/telltale-engine-XXXXXX");
    if (store || !mkdtemp(p->folder))
        p->folder[0] = 0;
    int status = store || p->folder[0] ? 0 : error_errno(err, "a folder in /var/tmp");
    if (status == 0)
        status =
            engine_open_chdb(store ? store : p->folder, &engine_limits_default, &p->engine, err);
    if (status == 0)
        *ret = p;
    else
        parquet_close(p);
    return status;
}

void parquet_close(struct parquet *p)
{
    if (!p)
        return;
    engine_close(p->engine);
    if (p->folder[0])
        nftw(p->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(p);
}
