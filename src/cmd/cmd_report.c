/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/zone.h"
#include "cmd/model.h"
#include "cmd/verb.h"
#include "report/report.h"
#include "store/store.h"

enum {
    OPTION_OUTPUT,
    OPTION_JSON,
    OPTION_PDF,
    OPTION_LANG,
    OPTION_DEFINITION,
    OPTION_PSEUDONYMS,
    OPTION_FROM,
    OPTION_TO
};
static const struct verb_option options[] = {
    {"output", 'o', "FILE", "the report as one HTML file (- for stdout)"},
    {"json", 0, "FILE", "the report model as JSON (- for stdout)"},
    {"pdf", 0, "FILE", "the report as PDF, by an installed Chromium (- for stdout)"},
    {"lang", 0, "en|ja", "the language the report opens in (en); it holds both"},
    {"definition", 0, "NAME", "what counts as concealed: 2017 or 2018-with-tls (the study's)"},
    {"pseudonyms", 0, "KEYFILE", "addresses and names as pseudonyms of this key (docs/privacy.md)"},
    {"from", 0, "DATE", "first day instead of the study's, of the study's zone"},
    {"to", 0, "DATE", "last day instead of the study's; included"},
    {NULL, 0, NULL, NULL},
};

/* A window of the study: for comparing two of them. */
static int set_period(const struct invocation *in, struct study *study, struct error *err)
{
    int32_t days[2] = {study->from_day, study->to_day};
    for (int i = 0; i < 2; i++) {
        const char *given = in->values[OPTION_FROM + i];
        if (given && date_parse(given, strlen(given), &days[i]) != 0)
            return error_set(err, ERROR_USAGE, "report: --%s takes a date (2017-04-01), not '%s'",
                             i ? "to" : "from", given);
    }
    if (days[0] > days[1])
        return error_set(err, ERROR_USAGE, "report: the window ends before it begins");
    if (in->values[OPTION_FROM] || in->values[OPTION_TO])
        study_set_period(study, days[0], days[1]);
    return 0;
}

static const char *language_of(const struct invocation *in)
{
    return in->values[OPTION_LANG] ? in->values[OPTION_LANG] : "en";
}

static int write_out(struct invocation *in, const json_t *model, struct error *err)
{
    const char *html = in->values[OPTION_OUTPUT], *json = in->values[OPTION_JSON];
    const char *pdf = in->values[OPTION_PDF], *language = language_of(in);
    if (json && report_write_json(model, json, err) < 0)
        return err->code;
    if (html && report_write_page(model, language, html, err) < 0)
        return err->code;
    if (pdf && report_write_pdf(model, language, pdf, err) < 0)
        return err->code;
    struct winsize size;
    bool terminal = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40;
    if (!in->quiet)
        report_print_summary_in(model, language, html || json || pdf ? stderr : stdout,
                                terminal ? size.ws_col : 100);
    for (int i = 0; i < 3 && !in->quiet; i++) {
        const char *path = i == 2 ? pdf : i ? json : html;
        if (path && strcmp(path, "-") != 0)
            fprintf(stderr, "telltale: wrote %s\n", path);
    }
    return 0;
}

/* --definition replays another edition's definition on the same data. */
static int set_definition(struct invocation *in, struct study *study, struct error *err)
{
    const char *name = NULL;
    for (int i = 0; options[i].name; i++)
        if (strcmp(options[i].name, "definition") == 0)
            name = in->values[i];
    if (!name)
        return 0;
    for (int c = CONCEALMENT_2017; c <= CONCEALMENT_2018_WITH_TLS; c++)
        if (strcmp(name, study_concealment_text((enum study_concealment)c)) == 0) {
            study->concealment = (enum study_concealment)c;
            return 0;
        }
    return error_set(err, ERROR_USAGE, "report: --definition takes 2017 or 2018-with-tls, not '%s'",
                     name);
}

static int run(struct invocation *in, struct error *err)
{
    struct study *study = NULL;
    struct store *store = NULL;
    struct comparisons with = {0};
    struct pseudonyms *pseudonyms = NULL;
    json_t *model = NULL;
    if (!report_has_language(language_of(in)))
        return error_set(err, ERROR_USAGE, "--lang: '%.20s' is neither en nor ja", language_of(in));
    const char *key = in->values[OPTION_PSEUDONYMS];
    int status = key ? pseudonyms_open(key, &pseudonyms, err) : 0;
    if (status == 0)
        status = study_load(in->directory, &study, err);
    if (status == 0)
        status = set_definition(in, study, err);
    if (status == 0)
        status = comparisons_load(study, &with, err);
    if (status == 0)
        status = store_open(study, STORE_READ, &store, err);
    if (status == 0)
        status = set_period(in, study, err);
    if (status == 0)
        status = model_make("report", study, store, &with, in->quiet, pseudonyms, &model, err);
    if (status == 0)
        status = write_out(in, model, err);
    json_decref(model);
    pseudonyms_free(pseudonyms);
    store_close(store);
    comparisons_free(&with);
    study_free(study);
    return status;
}

const struct verb verb_report = {
    .name = "report",
    .synopsis = "[-C DIR] [-o REPORT.html] [--json REPORT.json] [--pdf REPORT.pdf] [--lang en|ja]",
    .summary = "measure, and write the finished report",
    .options = options,
    .arguments_max = 0,
    .run = run,
};
