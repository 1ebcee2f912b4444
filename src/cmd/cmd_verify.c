/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/zone.h"
#include "cmd/model.h"
#include "cmd/verb.h"
#include "report/verify.h"

enum { OPTION_JSON, OPTION_NO_INPUTS, OPTION_PSEUDONYMS };
static const struct verb_option options[] = {
    {"json", 0, NULL, "what differs as JSON on stdout"},
    {"no-inputs", 0, NULL, "leave out the files that were imported: the store alone"},
    {"pseudonyms", 0, "KEYFILE", "the report was made with this key"},
    {NULL, 0, NULL, NULL},
};

/* What was found, as it will be printed. */
struct findings {
    bool whole; /* the report is as it was written */
    json_t *numbers, *inputs;
    size_t checked;
};

static void note_difference(void *ctx, const char *pointer, const json_t *was, const json_t *is)
{
    struct findings *f = ctx;
    json_array_append_new(
        f->numbers, json_pack("{s:s, s:O?, s:O?}", "pointer", pointer, "report", was, "store", is));
}

static void note_input(void *ctx, const char *path, enum report_input state)
{
    struct findings *f = ctx;
    f->checked++;
    if (state != INPUT_SAME)
        json_array_append_new(f->inputs,
                              json_pack("{s:s, s:s}", "path", path, "state",
                                        state == INPUT_CHANGED ? "changed" : "not there"));
}

static void print_value(const json_t *value)
{
    enum { LONGEST = 120 };
    char *text = json_is_null(value) || !value
                     ? NULL
                     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15) |
                                             JSON_ENSURE_ASCII);
    if (!text)
        fputs("nothing", stdout);
    else
        printf("%.*s%s", LONGEST, text, strlen(text) > LONGEST ? "..." : "");
    free(text);
}

static void print_text(const struct findings *f)
{
    size_t i;
    json_t *row;
    if (!f->whole)
        puts("the report was changed after it was written: its digest is not its own");
    json_array_foreach(f->inputs, i, row)
        printf("input %s: %s\n", json_string_value(json_object_get(row, "path")),
               json_string_value(json_object_get(row, "state")));
    json_array_foreach(f->numbers, i, row)
    {
        printf("%s: ", json_string_value(json_object_get(row, "pointer")));
        print_value(json_object_get(row, "report"));
        fputs(" in the report, ", stdout);
        print_value(json_object_get(row, "store"));
        fputs(" from the store\n", stdout);
    }
}

static int conclude(const struct invocation *in, struct findings *f, struct error *err)
{
    size_t numbers = json_array_size(f->numbers), inputs = json_array_size(f->inputs);
    bool equal = f->whole && numbers == 0 && inputs == 0;
    if (in->values[OPTION_JSON]) {
        json_t *all = json_pack("{s:b, s:b, s:O, s:O}", "equal", (int)equal, "digest",
                                (int)f->whole, "inputs", f->inputs, "numbers", f->numbers);
        json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
        putchar('\n');
        json_decref(all);
    } else {
        print_text(f);
    }
    if (!equal)
        return error_set(err, ERROR_FAILED,
                         "%s differs from what is there: %zu number%s, %zu of %zu input files%s",
                         in->arguments[0], numbers, numbers == 1 ? "" : "s", inputs, f->checked,
                         f->whole ? "" : ", and its own digest");
    if (!in->quiet)
        fprintf(stderr,
                "telltale: %s: every number is what the store gives, %zu input file%s unchanged\n",
                in->arguments[0], f->checked, f->checked == 1 ? "" : "s");
    return 0;
}

/* The definition that the report says it was made with, not the one that the study has now. */
static void set_definition(const json_t *report, struct study *study)
{
    const char *name =
        json_string_value(json_object_get(json_object_get(report, "concealment"), "definition"));
    for (int c = CONCEALMENT_2017; name && c <= CONCEALMENT_2018_WITH_TLS; c++)
        if (strcmp(name, study_concealment_text((enum study_concealment)c)) == 0)
            study->concealment = (enum study_concealment)c;
}

/* And the window: a report may be of a part of the study's period. */
static void set_period(const json_t *report, struct study *study)
{
    const json_t *s = json_object_get(report, "study");
    const char *from = json_string_value(json_object_get(s, "from")),
               *to = json_string_value(json_object_get(s, "to"));
    int32_t from_day, to_day;
    if (from && to && date_parse(from, strlen(from), &from_day) == 0 &&
        date_parse(to, strlen(to), &to_day) == 0 && from_day <= to_day)
        study_set_period(study, from_day, to_day);
}

static int verify(const struct invocation *in, const json_t *report, struct pseudonyms *p,
                  struct findings *f, struct error *err)
{
    struct study *study = NULL;
    struct store *store = NULL;
    struct comparisons with = {0};
    json_t *now = NULL;
    int status = study_load(in->directory, &study, err);
    if (status == 0)
        status = comparisons_load(study, &with, err);
    if (status == 0)
        status = store_open(study, STORE_READ, &store, err);
    if (status == 0)
        status = store_verify(store, err);
    if (status == 0) {
        set_definition(report, study);
        set_period(report, study);
    }
    if (status == 0)
        status = model_make("verify", study, store, &with, in->quiet, p, &now, err);
    if (status == 0) {
        report_compare(report, now, note_difference, f);
        /* Pseudonymous paths lead nowhere. */
        if (!in->values[OPTION_NO_INPUTS] && !p)
            report_check_inputs(report, study->dir, note_input, f);
    }
    json_decref(now);
    store_close(store);
    comparisons_free(&with);
    study_free(study);
    return status;
}

static int run(struct invocation *in, struct error *err)
{
    struct findings f = {.numbers = json_array(), .inputs = json_array()};
    struct pseudonyms *p = NULL;
    json_t *report = NULL;
    const char *key = in->values[OPTION_PSEUDONYMS];
    int status = report_read(in->arguments[0], &report, err);
    if (status == 0 && key)
        status = pseudonyms_open(key, &p, err);
    if (status == 0 && !key && json_object_get(json_object_get(report, "provenance"), "pseudonyms"))
        status = error_set(err, ERROR_USAGE, "%s has pseudonyms: --pseudonyms KEYFILE is missing",
                           in->arguments[0]);
    if (status == 0) {
        f.whole = report_is_whole(report);
        status = verify(in, report, p, &f, err);
    }
    if (status == 0)
        status = conclude(in, &f, err);
    json_decref(f.numbers);
    json_decref(f.inputs);
    json_decref(report);
    pseudonyms_free(p);
    return status;
}

const struct verb verb_verify = {
    .name = "verify",
    .synopsis = "[-C DIR] REPORT.json",
    .summary = "does the report still say what the store and its inputs say?",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
    .more = "Exit status 0: every number is equal and every input file is as it was; 1: what "
            "differs is\n"
            "named on stdout (JSON pointer, the report's value, the store's); 5: the store is "
            "damaged.\n",
};
