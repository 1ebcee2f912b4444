/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attribute/attribute.h"
#include "base/zone.h"
#include "cmd/verb.h"
#include "schema/symbols.h"

enum { OPTION_AT, OPTION_FORMAT };
static const struct verb_option options[] = {
    {"at", 0, "DATE", "as of this date (default: now)"},
    {"format", 'f', "FORMAT", "text or json (default: text)"},
    {NULL, 0, NULL, NULL},
};

/* look works without a study: then the built-in catalogue and the system's geography are asked. */
static int load_study(struct invocation *in, struct study **ret, struct error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/study.yaml", in->directory);
    FILE *f = fopen(path, "r");
    if (!f && strcmp(in->directory, ".") == 0) {
        static const char none[] = "name: none\ntimezone: UTC\nperiod: {from: 2000-01-01, to: 2000-01-01}\n"
                                   "population:\n  - {prefix: 0.0.0.0/0}\n";
        /* No folder: a ./catalogue that happens to be here is not a study's (our own source has one). */
        return study_parse("/dev/null", "study.yaml", none, sizeof none - 1, ret, err);
    }
    if (f)
        fclose(f);
    return study_load(in->directory, ret, err);
}

static int look(struct invocation *in, struct study *study, struct error *err)
{
    struct attribution *attribution;
    struct symbols *symbols = symbols_new(65535);
    const char *at = in->values[OPTION_AT], *format = in->values[OPTION_FORMAT];
    uint64_t now_ms = (uint64_t)time(NULL) * 1000, at_ms = now_ms;
    int status = 0;
    if (format && strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
        status = error_set(err, ERROR_USAGE, "look: --format takes text or json, not '%s'", format);
    else if (at && time_parse_ms(at, strlen(at), study->zone, now_ms, &at_ms) < 0)
        status = error_set(err, ERROR_USAGE, "look: '%s' is no date", at);
    else
        status = attribution_open(study, symbols, &attribution, err);
    if (status == 0) {
        for (int i = 0; i < in->argument_count && status == 0; i++) {
            json_t *known = attribution_look(attribution, in->arguments[i], at_ms, err);
            if (!known)
                status = err->code;
            else if (format && format[0] == 'j')
                json_dumpf(known, stdout, JSON_INDENT(1)), putchar('\n');
            else
                attribution_look_print(known, stdout);
            json_decref(known);
        }
        attribution_free(attribution);
    }
    symbols_free(symbols);
    return status;
}

static int run(struct invocation *in, struct error *err)
{
    struct study *study;
    if (load_study(in, &study, err) < 0)
        return err->code;
    int status = look(in, study, err);
    study_free(study);
    return status;
}

const struct verb verb_look = {
    .name = "look",
    .synopsis = "[-C DIR] [--at DATE] [--format json] ADDRESS|NAME...",
    .summary = "what is known of an address or a name, and from which source and date",
    .options = options,
    .arguments_min = 1,
    .arguments_max = -1,
    .run = run,
};
