/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "attribute/attribute.h"
#include "cmd/progress.h"
#include "cmd/verb.h"
#include "report/report.h"
#include "store/store.h"

enum { OPTION_OUTPUT, OPTION_JSON };
static const struct verb_option options[] = {
    {"output", 'o', "FILE", "the report as one HTML file (- for stdout)"},
    {"json", 0, "FILE", "the report model as JSON (- for stdout)"},
    {NULL, 0, NULL, NULL},
};

static void show(void *ctx, const char *section, int done, int of)
{
    struct progress *p = ctx;
    p->what = section;
    progress_show(p, (uint64_t)done, (uint64_t)of, (uint64_t)done);
}

static int make_model(const struct study *study, struct store *store,
                      struct attribution *attribution, bool quiet, json_t **ret, struct error *err)
{
    struct progress progress;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    json_t *provenance = attribution_provenance(attribution);
    struct analysis_input input = {
        .study = study,
        .store = store,
        .catalogue = attribution_catalogue(attribution),
        .attribution_provenance = provenance,
        .generated_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
        .progress = show,
        .progress_ctx = &progress,
    };
    progress_start(&progress, "report", "sections", quiet);
    int status = analysis_run(&input, ret, err);
    progress_clear(&progress);
    json_decref(provenance);
    return status;
}

static int write_out(struct invocation *in, const json_t *model, struct error *err)
{
    const char *html = in->values[OPTION_OUTPUT], *json = in->values[OPTION_JSON];
    if (json && report_write_json(model, json, err) < 0)
        return err->code;
    if (html && report_write_html(model, html, err) < 0)
        return err->code;
    struct winsize size;
    bool terminal = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40;
    if (!in->quiet)
        report_print_summary(model, html || json ? stderr : stdout, terminal ? size.ws_col : 100);
    for (int i = 0; i < 2 && !in->quiet; i++) {
        const char *path = i ? json : html;
        if (path && strcmp(path, "-") != 0)
            fprintf(stderr, "telltale: wrote %s\n", path);
    }
    return 0;
}

static int run(struct invocation *in, struct error *err)
{
    struct study *study = NULL;
    struct store *store = NULL;
    struct attribution *attribution = NULL;
    json_t *model = NULL;
    int status = study_load(in->directory, &study, err);
    if (status == 0)
        status = store_open(study, STORE_READ, &store, err);
    if (status == 0)
        status = attribution_open(study, store_symbols(store), &attribution, err);
    if (status == 0)
        status = make_model(study, store, attribution, in->quiet, &model, err);
    if (status == 0)
        status = write_out(in, model, err);
    json_decref(model);
    attribution_free(attribution);
    store_close(store);
    study_free(study);
    return status;
}

const struct verb verb_report = {
    .name = "report",
    .synopsis = "[-C DIR] [-o REPORT.html] [--json REPORT.json]",
    .summary = "measure, and write the finished report",
    .options = options,
    .arguments_max = 0,
    .run = run,
};
