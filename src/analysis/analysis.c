/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the sections in the order in which they need each other, and puts them in the model's. */
#include "analysis/analysis.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "analysis/devices.h"
#include "analysis/pivots.h"
#include "analysis/reference.h"
#include "analysis/section.h"

static const size_t ARENA_OCTETS = (size_t)4 << 30;

static const char *const order[] = {
    "study",      "provenance", "fidelity", "totals",   "activity",    "services", "policies",
    "categories", "rhythm",     "events",   "presence", "concealment", "onsets",   "onsets_watch",
    "timelines",
    "recon",      "contacts",   "devices",  "pivots",   "judgements",  "findings", "texts",
};

static const struct section {
    const char *name;
    int (*run)(struct analysis *a, json_t **ret, struct error *err);
    bool needs_use;
} sections[] = {
    {"provenance", provenance_section, false},
    {"fidelity", fidelity_section, false},
    {"totals", totals_section, false},
    {"activity", activity_section, false},
    {"services", services_section, true},
    {"policies", policies_section, true},
    {"categories", categories_section, true},
    {"rhythm", rhythm_section, true},
    {"events", events_section, true},
    {"presence", presence_section, true},
    {"concealment", concealment_section, true},
    {"onsets", onsets_section, true},
    {"timelines", timelines_section, false},
    {"recon", recon_section, false},
    {"contacts", contacts_section, true},
    {"devices", devices_section, false},
    {"pivots", pivots_section, false},
    {"findings", findings_section, false},
    {"texts", texts_section, false},
};
enum { SECTIONS = sizeof(sections) / sizeof(sections[0]) };

static json_t *reference_json(const struct analysis *a)
{
    const struct reference *r = a->in->reference;
    if (!r)
        return NULL;
    json_t *j = json_pack("{s:s, s:s, s:s}", "kind", reference_kind(r), "name", reference_name(r),
                          "measure", reference_measure(r));
    if (!reference_comparable(r, study_measure_text(a->measure)))
        json_object_set_new(j, "refused",
                            json_string("Its shares are of another measure than this study's, "
                                        "since one of the two is sampled: they are not compared."));
    return j;
}

static json_t *study_json(struct analysis *a)
{
    const struct study *s = a->study;
    json_t *population = json_array(), *events = json_array();
    for (size_t i = 0; i < s->population_count; i++) {
        char text[PREFIX_TEXT_MAX];
        prefix_print(&s->population[i].prefix, text);
        json_array_append_new(
            population, json_pack("{s:s, s:s}", "prefix", text, "label", s->population[i].label));
    }
    for (size_t i = 0; i < s->event_count; i++)
        json_array_append_new(
            events,
            json_pack("{s:o, s:s, s:s, s:I, s:b, s:s}", "time", time_json(s->events[i].time_ms),
                      "label", s->events[i].label, "kind", s->events[i].kind, "uncertainty_s",
                      (json_int_t)(s->events[i].uncertainty_ms / 1000), "date_only",
                      (int)s->events[i].date_only, "source", s->events[i].source));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:s, s:s, s:s*, s:o*}",
                     "name",                     s->name, "timezone", s->timezone, "from", date_json(s->from_day), "to",
                     date_json(s->to_day), "from_time", time_json(s->from_ms), "to_time",
                     time_json(s->to_ms), "days", (int)a->days, "population", population, "events",
                     events, "measure", study_measure_text(s->measure), "measure_used",
                     study_measure_text(a->measure), "tlp", s->tlp, "reference", reference_json(a));
}

void analysis_digest(const json_t *model, char ret[ANALYSIS_DIGEST_TEXT])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    json_t *copy = json_copy((json_t *)(uintptr_t)model);
    json_t *provenance = json_copy(json_object_get(model, "provenance"));
    json_object_del(provenance, "generated");
    json_object_del(provenance, "digest");
    json_object_set_new(copy, "provenance", provenance);
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text));
    sodium_bin2hex(ret, ANALYSIS_DIGEST_TEXT, digest, sizeof(digest));
    free(text);
    json_decref(copy);
}

static void add_digest(json_t *model)
{
    char hex[ANALYSIS_DIGEST_TEXT];
    analysis_digest(model, hex);
    json_object_set_new(json_object_get(model, "provenance"), "digest", json_string(hex));
}

static json_t *ordered(json_t *made)
{
    json_t *model = json_pack("{s:s}", "schema", "telltale.report/1");
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        json_object_set(model, order[i], json_object_get(made, order[i]));
    return model;
}

static int run_sections(struct analysis *a, struct error *err)
{
    const struct analysis_input *in = a->in;
    for (int i = 0; i < SECTIONS; i++) {
        json_t *part = NULL;
        if (in->progress)
            in->progress(in->progress_ctx, sections[i].name, i, SECTIONS);
        if (sections[i].needs_use && a->usage_total.flows <= 0)
            part = unsupported("No conversation that the population opened or shared as a peer was "
                               "recorded in the study's period.");
        else if (sections[i].run(a, &part, err) < 0)
            return error_context(err, "section %s", sections[i].name);
        json_object_set_new(a->model, sections[i].name, part);
    }
    if (in->progress)
        in->progress(in->progress_ctx, "done", SECTIONS, SECTIONS);
    return 0;
}

int analysis_run(const struct analysis_input *in, json_t **ret_model, struct error *err)
{
    struct analysis a = {
        .in = in,
        .study = in->study,
        .engine = store_engine(in->store),
        .symbols = store_symbols(in->store),
        .arena = arena_new(ARENA_OCTETS),
        .model = json_object(),
        .days = (size_t)(in->study->to_day - in->study->from_day + 1),
        .slot_s = store_slot_s(in->store),
    };
    snprintf(a.window, sizeof(a.window), "day >= toDate(%d) AND day <= toDate(%d)",
             in->study->from_day, in->study->to_day);
    a.used = arena_array(a.arena, a.days + 1, sizeof(*a.used));
    int status = store_summary(in->store, err);
    if (status == 0)
        status = window_load(&a, err);
    if (status == 0) {
        json_object_set_new(a.model, "study", study_json(&a));
        status = run_sections(&a, err);
    }
    if (status == 0) {
        *ret_model = ordered(a.model);
        add_digest(*ret_model);
    }
    json_decref(a.model);
    arena_free(a.arena);
    return status;
}
