/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/model.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "analysis/analysis.h"
#include "cmd/export.h"
#include "cmd/progress.h"
#include "report/verify.h"
#include "store/forget.h"

static void path_of(const struct study *study, const char *path, char ret[PATH_MAX])
{
    if (path[0] == '/')
        snprintf(ret, PATH_MAX, "%s", path);
    else
        snprintf(ret, PATH_MAX, "%s/%s", study->dir, path);
}

/* A table of countries is read by the analysis itself. */
int comparisons_load(const struct study *study, struct comparisons *ret, struct error *err)
{
    char path[PATH_MAX];
    struct stat st;
    int status = 0;
    *ret = (struct comparisons){0};
    if (study->reference) {
        path_of(study, study->reference, path);
        status = reference_load(path, &ret->reference, err);
    }
    path_of(study, study->baseline, path);
    if (status < 0 || strcmp(study->baseline, "default") == 0 || stat(path, &st) != 0 ||
        !S_ISDIR(st.st_mode))
        return status;
    if (study->reference && strcmp(study->reference, study->baseline) == 0)
        ret->baseline = ret->reference;
    else
        status = reference_load(path, &ret->baseline, err);
    return status;
}

void comparisons_free(struct comparisons *c)
{
    if (c->baseline != c->reference)
        reference_free(c->baseline);
    reference_free(c->reference);
    *c = (struct comparisons){0};
}

static void show(void *ctx, const char *section, int done, int of)
{
    struct progress *p = ctx;
    p->what = section;
    progress_show(p, (uint64_t)done, (uint64_t)of, (uint64_t)done);
}

static int measure(const char *verb, const struct study *study, struct store *store,
                   const struct comparisons *with, struct attribution *attribution, bool quiet,
                   json_t **ret, struct error *err)
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
        .reference = with->reference,
        .baseline = with->baseline,
        .generated_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
        .progress = show,
        .progress_ctx = &progress,
    };
    progress_start(&progress, verb, "sections", quiet);
    int status = analysis_run(&input, ret, err);
    progress_clear(&progress);
    json_decref(provenance);
    return status;
}

static int add_forgotten(json_t *model, struct store *store, struct error *err)
{
    json_t *forgotten = NULL;
    int status = store_forgotten(store, &forgotten, err);
    if (status == 0 && forgotten)
        json_object_set_new(json_object_get(model, "provenance"), "forgotten", forgotten);
    return status;
}

int model_make(const char *verb, const struct study *study, struct store *store,
               const struct comparisons *with, bool quiet, struct pseudonyms *p, json_t **ret,
               struct error *err)
{
    struct attribution *attribution = NULL;
    json_t *model = NULL;
    int status = attribution_open(study, store_symbols(store), &attribution, err);
    if (status == 0)
        status = measure(verb, study, store, with, attribution, quiet, &model, err);
    attribution_free(attribution);
    if (status == 0)
        status = add_forgotten(model, store, err);
    if (status == 0)
        status = report_add_inputs(model, study, err);
    if (status == 0 && p) {
        json_t *hidden = NULL;
        status = export_hide_model(store, p, model, &hidden, err);
        json_decref(model);
        model = hidden;
    }
    if (status == 0)
        *ret = model;
    else
        json_decref(model);
    return status;
}
