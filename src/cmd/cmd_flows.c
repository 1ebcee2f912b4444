/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "attribute/catalogue.h"
#include "base/buf.h"
#include "base/zone.h"
#include "cmd/verb.h"
#include "report/rows.h"
#include "store/filter.h"
#include "store/readable.h"
#include "store/store.h"

enum { OPTION_FROM, OPTION_TO, OPTION_BASIS, OPTION_FORMAT, OPTION_LIMIT, OPTION_FAIL_EMPTY };
static const struct verb_option options[] = {
    {"from", 0, "TIME", "conversations that start at TIME or later"},
    {"to", 0, "TIME", "... and before TIME"},
    {"time-basis", 0, "WHAT", "start, end or overlap: what lies in the window (default: start)"},
    {"format", 'f', "FORMAT", "table, csv, json or parquet (default: table)"},
    {"limit", 'n', "N", "at most N rows (default: 50 in a table, else all)"},
    {"fail-empty", 0, NULL, "exit with 6 when nothing matches"},
    {NULL, 0, NULL, NULL},
};

enum { TABLE_ROWS = 50, SQL_LIMIT = 64 << 20 };

struct request {
    struct store_window window;
    enum rows_format format;
    bool parquet;
    uint64_t limit; /* 0: none */
};

static int read_time(const char *text, const struct study *study, uint64_t *ret, struct error *err)
{
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    if (text && time_parse_ms(text, strlen(text), study->zone, now_ms, ret) < 0)
        return error_set(err, ERROR_USAGE,
                         "flows: '%s' is no time (2017-04-01, 2017-04-01T12:00:00Z, now-24h)", text);
    return 0;
}

static int read_options(const struct invocation *in, const struct study *study, struct request *r,
                        struct error *err)
{
    static const char *const bases[] = {[STORE_BASIS_START] = "start",
                                        [STORE_BASIS_END] = "end",
                                        [STORE_BASIS_OVERLAP] = "overlap"};
    const char *basis = in->values[OPTION_BASIS], *format = in->values[OPTION_FORMAT];
    const char *limit = in->values[OPTION_LIMIT];
    *r = (struct request){.window = {.to_ms = UINT64_MAX}};
    if (read_time(in->values[OPTION_FROM], study, &r->window.from_ms, err) < 0 ||
        read_time(in->values[OPTION_TO], study, &r->window.to_ms, err) < 0)
        return ERROR_USAGE;
    if (basis) {
        int i = 0;
        while (i < 3 && strcmp(bases[i], basis) != 0)
            i++;
        if (i == 3)
            return error_set(err, ERROR_USAGE,
                             "flows: --time-basis takes start, end or overlap, not '%s'", basis);
        r->window.basis = (enum store_basis)i;
    }
    format = format ? format : "table";
    r->parquet = strcmp(format, "parquet") == 0;
    r->format = strcmp(format, "csv") == 0 ? ROWS_CSV : strcmp(format, "json") == 0 ? ROWS_JSON
                                                                                     : ROWS_TABLE;
    if (r->format == ROWS_TABLE && !r->parquet && strcmp(format, "table") != 0)
        return error_set(err, ERROR_USAGE,
                         "flows: --format takes table, csv, json or parquet, not '%s'", format);
    r->limit = r->format == ROWS_TABLE && !r->parquet ? TABLE_ROWS : 0;
    if (limit) {
        char *end;
        r->limit = strtoull(limit, &end, 10);
        if (*end || !isdigit((unsigned char)limit[0]))
            return error_set(err, ERROR_USAGE, "flows: '%s' is no number of rows", limit);
    }
    return 0;
}

/* The arguments are one filter, quoted or not: `flows net 10.0.0.0/8 and port 53` works too. */
static int read_filter(const struct invocation *in, struct store *store, struct filter **filter,
                       struct buf *where, struct error *err)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < in->argument_count; i++)
        buf_format(&text, "%s%s", i ? " " : "", in->arguments[i]);
    int status = filter_parse(text.at ? text.at : "", filter, err);
    if (status == 0)
        filter_sql(*filter, store_symbols(store), where);
    buf_done(&text);
    return status;
}

/* A service or category that neither the catalogue nor the store knows is a typing mistake. */
static bool is_known(void *ctx, enum symbol_kind kind, const char *text, size_t len)
{
    const struct catalogue *c = ctx;
    return kind == SYMBOL_SERVICE ? catalogue_find(c, text, len) >= 0
                                  : catalogue_category_find(c, text, len) >= 0;
}

static int check_words(const struct study *study, const struct filter *filter, struct error *err)
{
    struct catalogue *catalogue;
    if (catalogue_load(study->catalogue_files, study->catalogue_file_count, &catalogue, err) < 0)
        return err->code;
    int status = filter_check(filter, is_known, catalogue, err);
    catalogue_free(catalogue);
    return status;
}

/* Paths by row of table source. */
struct source_paths {
    json_t *sources;
};

static const char *source_path(void *ctx, uint32_t id)
{
    struct source_paths *p = ctx;
    return json_string_value(json_object_get(json_array_get(p->sources, id - 1), "path"));
}

struct printing {
    struct rows_writer *rows;
    int write_errno; /* why stdout takes no more */
};

/* Nobody reads on (`| head`), or the disk is full: then the rest need not be read either. */
static int print_block(void *ctx, const struct block *b)
{
    struct printing *p = ctx;
    rows_block(p->rows, b);
    if (ferror(stdout))
        p->write_errno = errno;
    return ferror(stdout) ? 1 : 0;
}

/* A reader that has enough is no failure. */
static int end_early(const struct printing *p, struct error *err)
{
    errno = p->write_errno;
    if (errno != EPIPE)
        return error_errno(err, "stdout");
    clearerr(stdout);
    return 0;
}

static int print_rows(struct invocation *in, struct store *store, const struct request *r,
                      const char *where, struct source_paths *paths, struct error *err)
{
    struct winsize size;
    bool terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40;
    struct rows_setting setting = {
        .format = r->format,
        .symbols = store_symbols(store),
        .source_path = source_path,
        .source_ctx = paths,
        .width = terminal ? size.ws_col : 160,
    };
    struct printing printing = {.rows = rows_new(&setting, stdout)};
    int status = store_flow_query(store, where, &r->window, r->limit, print_block, &printing, err);
    uint64_t printed = rows_end(printing.rows), all = printed;
    rows_free(printing.rows);
    if (status > 0)
        return end_early(&printing, err);
    if (status < 0)
        return status;
    if (r->format == ROWS_TABLE && printed == r->limit)
        status = store_flow_count(store, where, &r->window, &all, err);
    if (status == 0 && r->format == ROWS_TABLE && !in->quiet)
        fprintf(stderr, "telltale: %" PRIu64 " of %" PRIu64 " conversations; times are UTC\n",
                printed, all);
    if (status == 0 && printed == 0 && in->values[OPTION_FAIL_EMPTY])
        return error_set(err, ERROR_NOMATCH, "flows: nothing matches");
    return status;
}

static int run_in_store(struct invocation *in, const struct study *study, struct store *store,
                        const struct request *r, struct error *err)
{
    struct filter *filter = NULL;
    struct buf where, columns;
    struct source_paths paths = {NULL};
    buf_init(&where, SQL_LIMIT);
    buf_init(&columns, SQL_LIMIT);
    int status = read_filter(in, store, &filter, &where, err);
    if (status == 0)
        status = check_words(study, filter, err);
    if (status == 0)
        status = store_sources(store, &paths.sources, err);
    if (status == 0 && r->parquet) {
        readable_columns(&columns, store_symbols(store), source_path, &paths);
        status = store_flow_format(store, columns.at, where.at, &r->window, r->limit, "Parquet",
                                   STDOUT_FILENO, err);
    } else if (status == 0) {
        status = print_rows(in, store, r, where.at, &paths, err);
    }
    json_decref(paths.sources);
    filter_free(filter);
    buf_done(&where);
    buf_done(&columns);
    return status;
}

static int run(struct invocation *in, struct error *err)
{
    struct study *study = NULL;
    struct store *store = NULL;
    struct request request;
    int status = study_load(in->directory, &study, err);
    if (status == 0)
        status = read_options(in, study, &request, err);
    if (status == 0)
        status = store_open(study, STORE_READ, &store, err);
    if (status == 0)
        status = run_in_store(in, study, store, &request, err);
    store_close(store);
    study_free(study);
    return status;
}

const struct verb verb_flows = {
    .name = "flows",
    .synopsis = "[-C DIR] [--from TIME] [--to TIME] [--format FORMAT] [FILTER]",
    .summary = "the conversations behind every number",
    .options = options,
    .arguments_max = -1,
    .run = run,
    .more = "FILTER is nfdump's and tcpdump's habit: net 175.45.176.0/22 and dst port 443 and service facebook\n"
            "and country IN and not role served. Times without an offset are the study zone's; output is UTC.\n",
};
