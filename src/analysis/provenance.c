/* SPDX-License-Identifier: Apache-2.0 */
/* Where everything comes from: sources, versions, definitions. */
#include "analysis/section.h"
#include "config.h"

/* Raised whenever a section's numbers would come out different from the same store. */
static const struct {
    const char *name, *version;
} definitions[] = {
    {"roles", "2"},      {"fidelity", "1"}, {"share", "1"},    {"services", "1"},
    {"categories", "1"}, {"rhythm", "1"},   {"events", "1"},   {"presence", "1"},
    {"onsets", "1"},     {"recon", "1"},    {"contacts", "1"}, {"concealment", "2"},
};

int provenance_section(struct analysis *a, json_t **ret, struct error *err)
{
    json_t *sources = NULL, *defined = json_object();
    int status = store_sources(a->in->store, &sources, err);
    if (status < 0) {
        json_decref(defined);
        return status;
    }
    for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++)
        json_object_set_new(defined, definitions[i].name, json_string(definitions[i].version));
    json_t *engine = json_pack("{s:s, s:s}", "kind", engine_kind(a->engine), "version",
                               engine_version(a->engine));
    json_t *geo = json_object_get(a->in->attribution_provenance, "geo");
    json_t *catalogue = json_object_get(a->in->attribution_provenance, "catalogue");
    json_t *tor = json_object_get(a->in->attribution_provenance, "tor");
    json_t *lists = json_object_get(a->in->attribution_provenance, "lists");
    *ret = json_pack("{s:o, s:s, s:o, s:I, s:o, s:o, s:O?, s:O?, s:O?, s:O?}", "generated",
                     time_json(a->in->generated_ms), "program_version", TELLTALE_VERSION, "engine",
                     engine, "seed", (json_int_t)a->study->seed, "definitions", defined, "sources",
                     sources, "geo", geo, "catalogue", catalogue, "tor", tor, "lists", lists);
    return 0;
}
