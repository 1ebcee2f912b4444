/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/parquet.h"
#include "cmd/select.h"
#include "cmd/verb.h"
#include "report/rows.h"
#include "store/readable.h"
#include "store/store.h"

enum {
    OPTION_FROM,
    OPTION_TO,
    OPTION_BASIS,
    OPTION_FORMAT,
    OPTION_LIMIT,
    OPTION_FAIL_EMPTY,
    OPTION_PSEUDONYMS,
    OPTION_COMMUNITY_SEED
};
static const struct verb_option options[] = {
    {"from", 0, "TIME", "conversations that start at TIME or later"},
    {"to", 0, "TIME", "... and before TIME"},
    {"time-basis", 0, "WHAT", "start, end or overlap: what lies in the window (default: start)"},
    {"format", 'f', "FORMAT", "table, csv, json or parquet (default: table)"},
    {"limit", 'n', "N", "at most N rows (default: 50 in a table, else all)"},
    {"fail-empty", 0, NULL, "exit with 6 when nothing matches"},
    {"pseudonyms", 0, "KEYFILE", "addresses and names as pseudonyms of this key (docs/privacy.md)"},
    {"community-seed", 0, "N", "seed of column community_id (default: 0)"},
    {NULL, 0, NULL, NULL},
};

enum { TABLE_ROWS = 50, SQL_LIMIT = 64 << 20 };

struct request {
    struct store_window window;
    enum rows_format format;
    bool parquet;
    uint64_t limit; /* 0: none */
    uint16_t community_seed;
    struct pseudonyms *pseudonyms; /* NULL: as they are */
};

static int read_options(const struct invocation *in, const struct study *study, struct request *r,
                        struct error *err)
{
    static const char *const bases[] = {[STORE_BASIS_START] = "start",
                                        [STORE_BASIS_END] = "end",
                                        [STORE_BASIS_OVERLAP] = "overlap"};
    const char *basis = in->values[OPTION_BASIS], *format = in->values[OPTION_FORMAT];
    const char *limit = in->values[OPTION_LIMIT];
    *r = (struct request){.window = {.to_ms = UINT64_MAX}};
    if (select_time("flows", in->values[OPTION_FROM], study, &r->window.from_ms, err) < 0 ||
        select_time("flows", in->values[OPTION_TO], study, &r->window.to_ms, err) < 0)
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
    r->format = strcmp(format, "csv") == 0    ? ROWS_CSV
                : strcmp(format, "json") == 0 ? ROWS_JSON
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
    if (select_seed("flows", in->values[OPTION_COMMUNITY_SEED], &r->community_seed, err) < 0)
        return ERROR_USAGE;
    const char *key = in->values[OPTION_PSEUDONYMS];
    return key ? pseudonyms_open(key, &r->pseudonyms, err) : 0;
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
    FILE *out;
    int write_errno; /* why it takes no more */
};

/* Nobody reads on (`| head`), or the disk is full: then the rest need not be read either. */
static int print_block(void *ctx, const struct block *b)
{
    struct printing *p = ctx;
    rows_block(p->rows, b);
    if (ferror(p->out))
        p->write_errno = errno;
    return ferror(p->out) ? 1 : 0;
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
        .community = r->format != ROWS_TABLE,
        .community_seed = r->community_seed,
        .pseudonyms = r->pseudonyms,
    };
    struct printing printing = {.rows = rows_new(&setting, stdout), .out = stdout};
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

/* The engine knows no pseudonyms: the rows go to it as they are to be read. */
static int print_hidden_parquet(const struct study *study, struct store *store,
                                const struct request *r, const char *where,
                                struct source_paths *paths, struct error *err)
{
    FILE *spool = spool_open(err);
    struct parquet *parquet = NULL;
    struct buf structure;
    if (!spool)
        return err->code;
    struct rows_setting setting = {.format = ROWS_JSON,
                                   .symbols = store_symbols(store),
                                   .source_path = source_path,
                                   .source_ctx = paths,
                                   .community = true,
                                   .community_seed = r->community_seed,
                                   .pseudonyms = r->pseudonyms};
    struct printing printing = {.rows = rows_new(&setting, spool), .out = spool};
    int status = store_flow_query(store, where, &r->window, r->limit, print_block, &printing, err);
    rows_end(printing.rows);
    rows_free(printing.rows);
    if (status > 0) {
        errno = printing.write_errno;
        status = error_errno(err, "rows on their way to Parquet");
    }
    buf_init(&structure, 1 << 16);
    rows_structure(&structure);
    if (status == 0)
        status = parquet_open(study->store_is_server ? NULL : study->store, &parquet, err);
    if (status == 0)
        status = parquet_write(parquet, spool, structure.at, STDOUT_FILENO, err);
    parquet_close(parquet);
    buf_done(&structure);
    fclose(spool);
    return status;
}

static int run_in_store(struct invocation *in, const struct study *study, struct store *store,
                        const struct request *r, struct error *err)
{
    struct buf where, columns;
    struct source_paths paths = {NULL};
    buf_init(&where, SQL_LIMIT);
    buf_init(&columns, SQL_LIMIT);
    int status = select_filter(in->arguments, in->argument_count, study, store, &where, err);
    if (status == 0)
        status = store_sources(store, &paths.sources, err);
    if (status == 0 && r->parquet && r->pseudonyms) {
        status = print_hidden_parquet(study, store, r, where.at, &paths, err);
    } else if (status == 0 && r->parquet) {
        readable_columns(&columns, store_symbols(store), source_path, &paths);
        readable_community(&columns, r->community_seed);
        status = store_flow_format(store, columns.at, where.at, &r->window, r->limit, "Parquet",
                                   STDOUT_FILENO, err);
    } else if (status == 0) {
        status = print_rows(in, store, r, where.at, &paths, err);
    }
    json_decref(paths.sources);
    buf_done(&where);
    buf_done(&columns);
    return status;
}

static int run(struct invocation *in, struct error *err)
{
    struct study *study = NULL;
    struct store *store = NULL;
    struct request request = {.pseudonyms = NULL};
    int status = study_load(in->directory, &study, err);
    if (status == 0)
        status = read_options(in, study, &request, err);
    if (status == 0)
        status = store_open(study, STORE_READ, &store, err);
    if (status == 0)
        status = run_in_store(in, study, store, &request, err);
    pseudonyms_free(request.pseudonyms);
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
    .more = "FILTER is nfdump's and tcpdump's habit: net 175.45.176.0/22 and dst port 443 and "
            "service facebook\n"
            "and country IN and not role served. Times without an offset are the study zone's; "
            "output is UTC.\n",
};
