/* SPDX-License-Identifier: Apache-2.0 */
/* `telltale catalogue`: what is wrong in a study's own entries, before an import uses them. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attribute/check.h"
#include "base/memory.h"
#include "cmd/verb.h"
#include "study/study.h"

enum { OPTION_FORMAT };
static const struct verb_option options[] = {
    {"format", 'f', "FORMAT", "text or json (default: text)"},
    {NULL, 0, NULL, NULL},
};

struct printing {
    json_t *list; /* NULL: text */
};

static void print_finding(void *context, const struct check_finding *f)
{
    struct printing *p = context;
    const char *kind = f->contradiction ? "contradiction" : "note";
    if (p->list)
        json_array_append_new(p->list, json_pack("{s:s, s:s, s:i, s:s}", "kind", kind, "file",
                                                 f->file, "line", (int)f->line, "text", f->text));
    else
        printf("%s:%u: %s: %s\n", f->file, f->line, kind, f->text);
}

/* What a file shows by itself stops its reading: it is said, and the other files are still read. */
static size_t read_each(struct printing *p, const char *const *files, size_t *count,
                        const char **readable)
{
    size_t wrong = 0, kept = 0;
    for (size_t i = 0; i < *count; i++) {
        struct catalogue *c = NULL;
        struct error err = {0};
        if (catalogue_load(&files[i], 1, &c, &err) == 0) {
            readable[kept++] = files[i];
        } else if (p->list) {
            json_array_append_new(p->list, json_pack("{s:s, s:s, s:s}", "kind", "error", "file",
                                                     files[i], "text", err.text));
            wrong++;
        } else {
            printf("%s\n", err.text);
            wrong++;
        }
        catalogue_free(c);
    }
    *count = kept;
    return wrong;
}

static void print_sum(const struct printing *p, const struct catalogue *c, size_t files,
                      size_t wrong, struct check_counts counts)
{
    size_t facts, owner_facts;
    catalogue_facts(c, &facts);
    catalogue_owner_facts(c, &owner_facts);
    if (p->list) {
        json_t *sum = json_pack("{s:O, s:I, s:I, s:I, s:I, s:I}", "findings", p->list, "files",
                                (json_int_t)files, "services", (json_int_t)catalogue_services(c),
                                "facts", (json_int_t)(facts + owner_facts), "contradictions",
                                (json_int_t)counts.contradictions, "unreadable", (json_int_t)wrong);
        json_dumpf(sum, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(sum);
        return;
    }
    printf("%zu services, %zu facts, %zu own file%s: %zu contradiction%s, %zu note%s\n",
           catalogue_services(c), facts + owner_facts, files, files == 1 ? "" : "s",
           counts.contradictions, counts.contradictions == 1 ? "" : "s", counts.notes,
           counts.notes == 1 ? "" : "s");
}

static int check(const struct invocation *in, const char *const *files, size_t count,
                 struct error *err)
{
    const char *format = in->values[OPTION_FORMAT];
    if (format && strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
        return error_set(err, ERROR_USAGE, "catalogue check: --format takes text or json, not '%s'",
                         format);
    struct printing p = {.list = format && format[0] == 'j' ? json_array() : NULL};
    const char **readable = memory_array(count + 1, sizeof *readable);
    size_t kept = count, wrong = read_each(&p, files, &kept, readable);
    struct catalogue *c = NULL;
    int status = catalogue_load(readable, kept, &c, err);
    if (status == 0) {
        struct check_counts counts = catalogue_check(c, print_finding, &p);
        print_sum(&p, c, kept, wrong, counts);
        if (wrong + counts.contradictions)
            status = error_set(err, ERROR_FAILED,
                               "catalogue check: %zu contradictions, %zu files "
                               "that cannot be read",
                               counts.contradictions, wrong);
    }
    catalogue_free(c);
    json_decref(p.list);
    free(readable);
    return status;
}

/* Without files: those of the study, if this is one. */
static int check_study(const struct invocation *in, struct error *err)
{
    struct study *study;
    char path[4096];
    snprintf(path, sizeof path, "%s/study.yaml", in->directory);
    if (strcmp(in->directory, ".") == 0 && access(path, R_OK) != 0)
        return check(in, NULL, 0, err);
    int status = study_load(in->directory, &study, err);
    if (status)
        return status;
    status = check(in, study->catalogue_files, study->catalogue_file_count, err);
    study_free(study);
    return status;
}

static int run(struct invocation *in, struct error *err)
{
    if (strcmp(in->arguments[0], "check") != 0)
        return error_set(err, ERROR_USAGE, "catalogue: '%s' is not one of its words (check)",
                         in->arguments[0]);
    if (in->argument_count == 1)
        return check_study(in, err);
    return check(in, (const char *const *)in->arguments + 1, (size_t)in->argument_count - 1, err);
}

const struct verb verb_catalogue = {
    .name = "catalogue",
    .synopsis = "[-C DIR] [--format json] check [FILE...]",
    .summary = "what contradicts itself in own entries of services and owners",
    .options = options,
    .arguments_min = 1,
    .arguments_max = -1,
    .run = run,
    .more =
        "Checks the files given, or the study's catalogue/*.yaml, together with the built-in\n"
        "catalogue. A contradiction is a name, brand, label or port that two services claim at\n"
        "the same time (exit status 1); a note is what a study's file takes from the built-in\n"
        "one, or shares with it. docs/catalogue.md says how an entry is written.\n",
};
