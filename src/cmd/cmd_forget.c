/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/verb.h"
#include "store/forget.h"
#include "study/value.h"

enum { OPTION_OLDER, OPTION_BEFORE, OPTION_TABLE, OPTION_ADDRESS, OPTION_DRY_RUN };
static const struct verb_option options[] = {
    {"older-than", 0, "DURATION", "what is of days longer ago (180d, 26w)"},
    {"before", 0, "DATE", "what is of days before this one (UTC)"},
    {"table", 0, "TABLE", "flow (and all that is made of it) or coverage (default: both)"},
    {"address", 0, "PREFIX", "every conversation with this address or prefix"},
    {"dry-run", 'n', NULL, "say how much, change nothing"},
    {NULL, 0, NULL, NULL},
};

#define DAY_MS UINT64_C(86400000)

static int32_t day_ago(uint64_t duration_ms)
{
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    return now_ms > duration_ms ? (int32_t)((now_ms - duration_ms) / DAY_MS) : 0;
}

static void tell(const struct invocation *in, const struct store_forgotten *f, const char *what)
{
    if (in->quiet)
        return;
    bool dry = in->values[OPTION_DRY_RUN] != NULL;
    fprintf(stderr, "telltale: %s: %" PRIu64 " conversations of %" PRIu64 " days", what,
            f->conversations, f->days);
    if (f->coverage_rows)
        fprintf(stderr, ", %" PRIu64 " hours of coverage", f->coverage_rows);
    fprintf(stderr, "%s\n", dry ? " would be forgotten" : " forgotten");
}

static int forget_before(const struct invocation *in, struct store *store, int32_t day, bool flow,
                         bool coverage, struct error *err)
{
    struct store_forgotten f;
    char date[TIME_TEXT_MAX], what[64];
    date_print(day, date);
    snprintf(what, sizeof what, "before %s", date);
    int status = store_forget_before(store, day, flow, coverage, in->values[OPTION_DRY_RUN] != NULL,
                                     &f, err);
    if (status == 0)
        tell(in, &f, what);
    return status;
}

static int forget_address(const struct invocation *in, struct store *store, struct error *err)
{
    struct store_forgotten f;
    struct prefix prefix;
    const char *text = in->values[OPTION_ADDRESS];
    if (!prefix_parse(text, strlen(text), true, &prefix))
        return error_set(err, ERROR_USAGE, "forget: '%s' is no address and no prefix", text);
    int status = store_forget_prefix(store, &prefix, in->values[OPTION_DRY_RUN] != NULL, &f, err);
    if (status == 0)
        tell(in, &f, "this address");
    return status;
}

/* What the study's `retention` says. */
static int keep_retention(const struct invocation *in, const struct study *study,
                          struct store *store, struct error *err)
{
    int status = 0;
    if (!study->retain_flow_ms && !study->retain_coverage_ms)
        return error_set(err, ERROR_USAGE,
                         "forget: what? --older-than, --before, --address, or `retention` in %s",
                         study->file);
    if (study->retain_flow_ms)
        status = forget_before(in, store, day_ago(study->retain_flow_ms), true, false, err);
    if (status == 0 && study->retain_coverage_ms)
        status = forget_before(in, store, day_ago(study->retain_coverage_ms), false, true, err);
    return status;
}

static int read_day(const struct invocation *in, int32_t *ret, struct error *err)
{
    const char *older = in->values[OPTION_OLDER], *before = in->values[OPTION_BEFORE];
    uint64_t duration_ms;
    if (older && (duration_parse_ms(older, strlen(older), &duration_ms) < 0))
        return error_set(err, ERROR_USAGE, "forget: '%s' is no duration (180d, 26w)", older);
    if (before && date_parse(before, strlen(before), ret) < 0)
        return error_set(err, ERROR_USAGE, "forget: '%s' is no date (2017-04-01)", before);
    if (older)
        *ret = day_ago(duration_ms);
    return 0;
}

static int run_in_store(const struct invocation *in, const struct study *study, struct store *store,
                        struct error *err)
{
    const char *table = in->values[OPTION_TABLE];
    int32_t day = 0;
    bool flow = !table || strcmp(table, "flow") == 0,
         coverage = !table || strcmp(table, "coverage") == 0;
    if (in->values[OPTION_ADDRESS])
        return forget_address(in, store, err);
    if (!in->values[OPTION_OLDER] && !in->values[OPTION_BEFORE])
        return keep_retention(in, study, store, err);
    int status = read_day(in, &day, err);
    return status ? status : forget_before(in, store, day, flow, coverage, err);
}

static int run(struct invocation *in, struct error *err)
{
    struct study *study = NULL;
    struct store *store = NULL;
    const char *table = in->values[OPTION_TABLE];
    int given =
        !!in->values[OPTION_OLDER] + !!in->values[OPTION_BEFORE] + !!in->values[OPTION_ADDRESS];
    if (given > 1)
        return error_set(err, ERROR_USAGE, "forget: one of --older-than, --before and --address");
    if (table && strcmp(table, "flow") != 0 && strcmp(table, "coverage") != 0)
        return error_set(
            err, ERROR_USAGE,
            "forget: --table takes flow (with all that is made of it) or coverage, not "
            "'%s'",
            table);
    int status = study_load(in->directory, &study, err);
    if (status == 0)
        status = store_open(study, STORE_READ, &store, err);
    if (status == 0)
        status = run_in_store(in, study, store, err);
    store_close(store);
    study_free(study);
    return status;
}

const struct verb verb_forget = {
    .name = "forget",
    .synopsis = "[-C DIR] [--older-than 180d | --before DATE | --address PREFIX] [--table TABLE]",
    .summary = "remove what is to be kept no longer",
    .options = options,
    .arguments_max = 0,
    .run = run,
    .more = "Without a choice, what the study's `retention: {flow: 180d, coverage: 730d}` says. "
            "Days go whole, with all\n"
            "that is made of them; the ledger follows, and a report says up to which day there is "
            "nothing.\n"
            "Killed at any moment, the next opening of the store finishes it.\n",
};
