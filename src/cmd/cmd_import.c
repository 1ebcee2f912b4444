/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/zone.h"
#include "cmd/pipeline.h"
#include "cmd/progress.h"
#include "cmd/verb.h"

enum { OPTION_AS, OPTION_JSON, OPTION_MAP, OPTION_MAX_REJECTS, OPTION_REMOVE_SPOOL };
static const struct verb_option options[] = {
    {"as", 0, "WHAT", "packets or exports: what captures hold, instead of the guess"},
    {"json", 0, NULL, "what became of each file, as JSON on stdout"},
    {"map", 0, "OURS=THEIRS,..", "names of a table's columns that are called otherwise"},
    {"max-rejects", 0, "PERCENT", "exit with 3 when more of a file's records were rejected"},
    {"remove-spool", 0, NULL,
     "as `collect` does: segments of its spool go on in the next, and are removed once stored"},
    {NULL, 0, NULL, NULL},
};

/* Paths to import, in the order given; what a folder holds in the order of names. */
struct path {
    char *open;        /* where its octets are */
    const char *shown; /* as given */
    int fd;            /* stdin's copy, or -1 */
};

struct paths {
    struct path *list;
    size_t count, room;
};

static struct path *paths_add(struct paths *p, const char *path)
{
    if (p->count == p->room) {
        p->room = p->room ? p->room * 2 : 64;
        p->list = memory_resize(p->list, p->room, sizeof *p->list);
    }
    char *copy = memory_text(path, strlen(path));
    p->list[p->count] = (struct path){.open = copy, .shown = copy, .fd = -1};
    return &p->list[p->count++];
}

static void paths_done(struct paths *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->list[i].open);
        if (p->list[i].fd >= 0)
            close(p->list[i].fd);
    }
    free(p->list);
}

static int paths_add_tree(struct paths *p, const char *path, int depth, struct error *err)
{
    struct stat st;
    struct dirent **names;
    if (stat(path, &st) < 0)
        return error_errno(err, "%s", path);
    if (!S_ISDIR(st.st_mode)) {
        paths_add(p, path);
        return 0;
    }
    if (depth && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        return 0; /* links to folders may run in circles: only those that were given are followed */
    int count = scandir(path, &names, NULL, alphasort), status = 0;
    if (count < 0)
        return error_errno(err, "%s", path);
    for (int i = 0; i < count; i++) {
        char below[4096];
        if (status == 0 && names[i]->d_name[0] != '.') {
            snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name);
            status = paths_add_tree(p, below, depth + 1, err);
        }
        free(names[i]);
    }
    free(names);
    return status;
}

/* An import needs to read its source twice (identity, then content), so stdin goes to a file that
 * has no name, and before the store is opened: the embedded engine takes descriptor 0 away. `ret`
 * is a path to the copy that stays good while `fd` is open. */
static int spool_stdin(int input, int *fd, char ret[32], struct error *err)
{
    const char *dir = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/telltale-stdin-XXXXXX", dir && *dir ? dir : "/var/tmp");
    *fd = mkstemp(path);
    if (*fd < 0)
        return error_errno(err, "%s", path);
    unlink(path);
    enum { ROOM = 1 << 20 };
    char *room = memory_alloc(ROOM);
    ssize_t got;
    while ((got = read(input, room, ROOM)) > 0 || (got < 0 && errno == EINTR))
        for (ssize_t put = 0, n; put < got; put += n)
            if ((n = write(*fd, room + put, (size_t)(got - put))) < 0) {
                free(room);
                return error_errno(err, "stdin's copy in %s", path);
            }
    free(room);
    if (got < 0)
        return error_errno(err, "stdin");
    snprintf(ret, 32, "/dev/fd/%d", *fd);
    return 0;
}

/* A file, a folder, "-", or a pattern that the shell left alone. */
static int paths_add_argument(struct paths *p, const char *argument, struct error *err)
{
    glob_t found;
    if (strcmp(argument, "-") == 0) {
        char copy[32];
        int fd, status = spool_stdin(STDIN_FILENO, &fd, copy, err);
        if (status == 0) {
            struct path *added = paths_add(p, copy);
            added->shown = "-";
            added->fd = fd;
        }
        return status;
    }
    if (access(argument, F_OK) == 0 || !strpbrk(argument, "*?["))
        return paths_add_tree(p, argument, 0, err);
    if (glob(argument, 0, NULL, &found) != 0)
        return error_set(err, ERROR_FAILED, "%s: no file matches", argument);
    int status = 0;
    for (size_t i = 0; i < found.gl_pathc && status == 0; i++)
        status = paths_add_tree(p, found.gl_pathv[i], 0, err);
    globfree(&found);
    return status;
}

static json_t *time_json(uint64_t ms)
{
    char text[TIME_TEXT_MAX];
    if (ms == 0)
        return json_null();
    time_print_ms(ms, text);
    return json_string(text);
}

static json_t *result_json(const struct pipeline_result *r)
{
    char hex[65];
    for (int i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", r->source.sha256[i]);
    const struct tally *t = &r->source.tally;
    json_t *reasons = json_object();
    for (int i = 0; i < REASON_COUNT; i++)
        if (t->reasons[i])
            json_object_set_new(reasons, reason_name(i), json_integer((json_int_t)t->reasons[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:f}",
                     "path", r->source.path, "format", r->source.format, "sha256", hex, "status",
                     r->seen == STORE_DONE ? "already imported" : "imported", "records",
                     (json_int_t)t->records, "kept", (json_int_t)t->kept, "outside",
                     (json_int_t)t->outside, "duplicates", (json_int_t)t->duplicates, "rejected",
                     (json_int_t)t->rejected, "reasons", reasons, "conversations",
                     (json_int_t)r->source.conversations, "first", time_json(r->source.first_ms),
                     "last", time_json(r->source.last_ms), "seconds", r->seconds);
}

static void print_result(const struct pipeline_result *r)
{
    char rate[16];
    const struct tally *t = &r->source.tally;
    if (r->seen == STORE_DONE) {
        fprintf(stderr, "telltale: %s: already imported, not counted again\n", r->source.path);
        return;
    }
    fprintf(stderr,
            "telltale: %s (%s): %" PRIu64 " read = %" PRIu64 " kept + %" PRIu64
            " outside the population + %" PRIu64 " duplicates + %" PRIu64 " rejected; %" PRIu64
            " conversations; %s/s\n",
            r->source.path, r->source.format, t->records, t->kept, t->outside, t->duplicates,
            t->rejected, r->source.conversations,
            number_short(r->seconds > 0 ? (double)t->records / r->seconds : 0, rate));
    for (int i = 0; i < REASON_COUNT; i++)
        if (t->reasons[i])
            fprintf(stderr, "telltale:   %" PRIu64 " rejected: %s\n", t->reasons[i],
                    reason_text(i));
}

/* What makes a report empty is a mistake in the study more often than in the data. */
static void print_doubt(const struct study *study, const struct source *s)
{
    if (s->tally.outside && s->tally.kept == 0)
        fprintf(stderr, "telltale:   none of it is of the population: see `population` in %s\n",
                study->file);
    if (s->conversations && (s->last_ms < study->from_ms || s->first_ms >= study->to_ms)) {
        char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];
        time_print_ms(s->first_ms, first);
        time_print_ms(s->last_ms, last);
        fprintf(
            stderr,
            "telltale:   it lies outside the study's period, no report counts it: %.10s to %.10s;"
            " see `period` in %s\n",
            first, last, study->file);
    }
}

static void show(void *ctx, uint64_t done, uint64_t of, uint64_t records)
{
    progress_show(ctx, done, of, records);
}

struct run {
    struct invocation *in;
    const struct study *study;
    struct store *store;
    struct pipeline *pipeline;
    enum pipeline_as as;
    struct table_map map;
    char *map_text;     /* what `map` points into */
    double max_rejects; /* share; above 1: no limit */
    json_t *files;
    size_t failed, over;
};

/* One file that cannot be read does not keep the others out: it is said and counted. */
static int import_one(struct run *r, const struct path *path, struct error *err)
{
    struct progress progress;
    struct pipeline_result result;
    const char *base = strrchr(path->shown, '/');
    progress_start(&progress, base ? base + 1 : path->shown, "records", r->in->quiet);
    int status =
        pipeline_import(r->pipeline, path->open, path->shown, r->as, show, &progress, &result, err);
    progress_clear(&progress);
    if (status == ERROR_FAILED && !store_failed(r->store)) {
        fprintf(stderr, "telltale: %s\n", err->text);
        json_array_append_new(r->files,
                              json_pack("{s:s, s:s}", "path", path->shown, "error", err->text));
        r->failed++;
        return 0;
    }
    if (status < 0)
        return status;
    const struct tally *t = &result.source.tally;
    if (t->records && (double)t->rejected > r->max_rejects * (double)t->records)
        r->over++;
    json_array_append_new(r->files, result_json(&result));
    if (r->in->values[OPTION_REMOVE_SPOOL] && strcmp(result.source.format, "spool") == 0) {
        if (store_settle(r->store, err) < 0) /* it is in the store for good, or it stays */
            return err->code;
        if (unlink(path->open) < 0)
            return error_errno(err, "%s", path->shown);
    }
    if (!r->in->quiet) {
        print_result(&result);
        print_doubt(r->study, &result.source);
    }
    return 0;
}

static int read_map(struct run *r, struct error *err)
{
    char *rest = NULL;
    int status = 0;
    r->map_text = memory_text(r->in->values[OPTION_MAP], strlen(r->in->values[OPTION_MAP]));
    for (char *pair = strtok_r(r->map_text, ",", &rest); pair && status == 0;
         pair = strtok_r(NULL, ",", &rest))
        status = table_map_add(&r->map, pair, err);
    return status;
}

static int read_options(struct run *r, struct error *err)
{
    const char *as = r->in->values[OPTION_AS], *max = r->in->values[OPTION_MAX_REJECTS];
    if (as && strcmp(as, "packets") != 0 && strcmp(as, "exports") != 0)
        return error_set(err, ERROR_USAGE, "import: --as takes packets or exports, not '%s'", as);
    r->as = !as ? AS_GUESS : as[0] == 'p' ? AS_PACKETS : AS_EXPORTS;
    if (r->in->values[OPTION_MAP] && read_map(r, err) < 0)
        return err->code;
    r->max_rejects = 2;
    if (max) {
        char *end;
        r->max_rejects = strtod(max, &end) / 100;
        if (end == max || (*end && strcmp(end, "%") != 0) || !(r->max_rejects >= 0))
            return error_set(err, ERROR_USAGE, "import: '%s' is no percentage", max);
    }
    return 0;
}

static int import_paths(struct run *r, const struct paths *paths, struct error *err)
{
    int status = 0;
    for (size_t i = 0; i < paths->count && status == 0; i++)
        status = import_one(r, &paths->list[i], err);
    if (r->in->values[OPTION_JSON]) {
        json_t *all = json_pack("{s:O}", "files", r->files);
        json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
        putchar('\n');
        json_decref(all);
    }
    if (status == 0 && r->failed)
        status = error_set(err, ERROR_FAILED, "%zu of %zu files could not be imported", r->failed,
                           paths->count);
    if (status == 0 && r->over)
        status = error_set(err, ERROR_REJECTS, "too much was rejected in %zu of %zu files", r->over,
                           paths->count);
    return status;
}

/* Also after a failure: what was imported before it shall be in the report. */
static int derive(struct run *r, struct store *store, int status, struct error *err)
{
    struct error why;
    struct progress progress;
    progress_start(&progress, "deriving tables", "days", r->in->quiet);
    if (progress.terminal) {
        progress.shown_s = 0;
        progress_show(&progress, 0, 1, 0);
    }
    int derived = store_derive(store, false, &why);
    if (derived == 0)
        derived = store_summary(store, &why);
    progress_clear(&progress);
    if (store_unfinished(store))
        fprintf(stderr,
                "telltale: the last %zu of the files read are not in the store: give them again\n",
                store_unfinished(store));
    if (status == 0 && derived < 0) {
        *err = why;
        status = derived;
    }
    return status;
}

static int run(struct invocation *in, struct error *err)
{
    struct run r = {.in = in, .files = json_array()};
    struct paths paths = {0};
    struct study *study = NULL;
    struct store *store = NULL;
    struct attribution *attribution = NULL;
    int status = read_options(&r, err);
    for (int i = 0; i < in->argument_count && status == 0; i++)
        status = paths_add_argument(&paths, in->arguments[i], err);
    if (status == 0)
        status = study_load(in->directory, &study, err);
    if (status == 0)
        status = store_open(study, STORE_WRITE, &store, err);
    if (status == 0)
        status = attribution_open(study, store_symbols(store), &attribution, err);
    if (status == 0) {
        r.study = study;
        r.store = store;
        store_derive_later(store);
        r.pipeline = pipeline_new(study, store, attribution);
        pipeline_map(r.pipeline, &r.map);
        if (in->values[OPTION_REMOVE_SPOOL])
            pipeline_carry(r.pipeline);
        for (size_t i = 0; i < paths.count; i++)
            pipeline_offer(r.pipeline, paths.list[i].open);
        status = import_paths(&r, &paths, err);
        status = derive(&r, store, status, err);
    }
    pipeline_free(r.pipeline);
    attribution_free(attribution);
    store_close(store);
    study_free(study);
    paths_done(&paths);
    json_decref(r.files);
    free(r.map_text);
    return status;
}

const struct verb verb_import = {
    .name = "import",
    .synopsis = "[-C DIR] [options] FILE...",
    .summary = "read captures and export files into the study's store",
    .options = options,
    .arguments_min = 1,
    .arguments_max = -1,
    .run = run,
    .more =
        "FILE is a capture (pcap, pcapng) of traffic or of NetFlow 5, NetFlow 9 or IPFIX "
        "datagrams, or an\n"
        "IPFIX file, or an nfcapd file (nfdump 1.6, 1.7); a log of Zeek (conn; names come from the "
        "dns, ssl,\n"
        "http, quic and x509 logs in its folder, or given), Suricata (EVE), AWS VPC or Argus "
        "(CSV); or a table\n"
        "in CSV, TSV, JSON lines or Parquet with columns start, end, src_ip, dst_ip, src_port, "
        "dst_port,\n"
        "protocol, packets, octets, tcp_flags, and if there are, reverse_packets, reverse_octets,\n"
        "reverse_tcp_flags, duration, sampling, exporter, server_name, application. All of them "
        "plain or in\n"
        "gzip, zstd, lz4 or bzip2 (Parquet as it is); a folder of them; a pattern; or - for "
        "stdin.\n"
        "The same file given twice counts once. An interrupted import is finished by giving it "
        "again.\n",
};
