/* SPDX-License-Identifier: Apache-2.0 */
/* `telltale tor`: Tor's relays by date into the study, and what of them is there. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "attribute/dated.h"
#include "base/zone.h"
#include "cmd/progress.h"
#include "cmd/verb.h"
#include "study/study.h"

enum { SPANS_MAX = 1 << 24 };
static const struct verb_option options[] = {{NULL, 0, NULL, NULL}};

static void say_count(uint64_t count, const char *what)
{
    if (count)
        fprintf(stderr, "  %" PRIu64 " %s\n", count, what);
}

static void say_counts(const struct tor_counts *c)
{
    fprintf(stderr,
            "telltale: %" PRIu64 " file%s: %" PRIu64 " consensuses and %" PRIu64
            " exit lists, %" PRIu64 " entries\n",
            c->files, c->files == 1 ? "" : "s", c->documents[TOR_CONSENSUS],
            c->documents[TOR_EXIT_LIST], c->relays);
    say_count(c->others, "other documents (descriptors, votes, bridges): passed over");
    say_count(c->cut, "documents without their end: nothing of them was taken");
    say_count(c->no_time, "documents without a date: nothing of them was taken");
    say_count(c->not_running, "entries of relays that did not run: not taken");
    say_count(c->bad_lines, "lines that cannot be read");
}

static void print_times(const struct tor_table *t, enum tor_document document, const char *what)
{
    const uint32_t *times;
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    size_t count = tor_times(t, document, &times);
    if (count == 0)
        return;
    time_print_ms((uint64_t)times[0] * 1000, from);
    time_print_ms((uint64_t)times[count - 1] * 1000, to);
    printf("%-12s %7zu  %.16sZ to %.16sZ\n", what, count, from, to);
}

/* A look-up needs a document not older than the limit: what lies further apart leaves a hole. */
static void print_holes(const struct tor_table *t, uint32_t age_max_s)
{
    const uint32_t *times;
    size_t count = tor_times(t, TOR_CONSENSUS, &times), holes = 0;
    uint64_t widest_s = 0;
    for (size_t i = 1; i < count; i++) {
        uint32_t apart_s = times[i] - times[i - 1];
        holes += apart_s > age_max_s;
        widest_s = apart_s > widest_s ? apart_s : widest_s;
    }
    if (holes)
        printf("%zu times a consensus is more than %u hours older than the next (at most %.1f "
               "days): there, roles are not known\n",
               holes, age_max_s / 3600, (double)widest_s / 86400);
}

static void print_table(const struct tor_table *t, uint32_t age_max_s)
{
    const struct tor_span *spans;
    size_t count = tor_spans(t, &spans), addresses = 0;
    for (size_t i = 0; i < count; i++)
        addresses += i == 0 || !ip_equal(&spans[i].relay.ip, &spans[i - 1].relay.ip);
    if (count == 0) {
        printf(
            "no relays: `telltale tor add FILE...` takes CollecTor's consensuses and exit lists\n");
        return;
    }
    print_times(t, TOR_CONSENSUS, "consensuses");
    print_times(t, TOR_EXIT_LIST, "exit lists");
    printf("%-12s %7zu  in %zu entries\n", "addresses", addresses, count);
    print_holes(t, age_max_s);
}

static int add(struct invocation *in, const struct study *study, const char *path,
               struct tor_table *before, struct error *err)
{
    struct tor_builder *b = tor_builder_new(before, SPANS_MAX);
    struct tor_table *table = NULL;
    struct progress progress;
    int status = 0;
    progress_start(&progress, "tor add", "files", in->quiet);
    for (int i = 1; i < in->argument_count && status == 0; i++) {
        progress_show(&progress, (uint64_t)i - 1, (uint64_t)in->argument_count - 1, (uint64_t)i);
        status = tor_builder_file(b, in->arguments[i], err);
    }
    if (status == 0)
        status = tor_builder_table(b, &table, err);
    progress_clear(&progress);
    struct tor_counts counts = tor_builder_counts(b);
    tor_builder_free(b);
    bool any = counts.documents[TOR_CONSENSUS] + counts.documents[TOR_EXIT_LIST] > 0;
    if (status == 0 && any && !in->quiet)
        say_counts(&counts);
    if (status == 0 && !any)
        status = error_set(err, ERROR_REJECTS,
                           "tor: no consensus and no exit list in %s%s (%" PRIu64
                           " without their end, %" PRIu64 " of other kinds)",
                           in->arguments[1], in->argument_count > 2 ? " and the others" : "",
                           counts.cut, counts.others);
    if (status == 0 && mkdir(study->lists, 0777) != 0 && errno != EEXIST)
        status = error_errno(err, "%s", study->lists);
    if (status == 0)
        status = tor_save(table, path, err);
    if (status == 0 && !in->quiet) {
        print_table(table, study->tor_age_s);
        fprintf(stderr, "telltale: conversations stored before keep their attribution until "
                        "`telltale reattribute`\n");
    }
    tor_free(table);
    return status;
}

static int run(struct invocation *in, struct error *err)
{
    struct study *study = NULL;
    struct tor_table *table = NULL;
    char path[4096];
    bool adds = in->argument_count > 0 && strcmp(in->arguments[0], "add") == 0;
    if (in->argument_count > 0 && !adds)
        return error_set(err, ERROR_USAGE, "tor: '%s' is not one of its words (add)",
                         in->arguments[0]);
    if (adds && in->argument_count < 2)
        return error_set(err, ERROR_USAGE, "tor add: which files?");
    int status = study_load(in->directory, &study, err);
    if (status)
        return status;
    dated_tor_path(study->lists, path, sizeof path);
    status = tor_load(path, &table, err);
    if (status == 0 && adds)
        status = add(in, study, path, table, err);
    else if (status == 0)
        print_table(table, study->tor_age_s);
    tor_free(table);
    study_free(study);
    return status;
}

const struct verb verb_tor = {
    .name = "tor",
    .synopsis = "[-C DIR] [add FILE...]",
    .summary = "Tor's relays by date: add consensuses and exit lists, or show what is there",
    .options = options,
    .arguments_max = -1,
    .run = run,
    .more =
        "FILE is a document of CollecTor (collector.torproject.org), or a tar archive of them,\n"
        "plain or in xz, gzip, bzip2 or zstd. Descriptors and votes in it are passed over.\n"
        "A flow is judged by the latest document not newer than its start.\n",
};
