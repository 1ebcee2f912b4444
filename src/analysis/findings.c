/* SPDX-License-Identifier: Apache-2.0 */
/* What the sections say, in sentences: the order of the findings, and those about the data
 * themselves. Likelihood words are ICD 203's and only where something is inferred; a measurement
 * has none. Confidence is a field of its own and in no sentence. */
#include "analysis/findings.h"

#include <math.h>
#include <string.h>

#include "analysis/concealment.h"
#include "analysis/devices.h"
#include "analysis/pivots.h"

double value_of(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    return json_number_value(json_is_object(v) ? json_object_get(v, "value") : v);
}

double low_of(const json_t *j, const char *key)
{
    return json_number_value(json_object_get(json_object_get(j, key), "low"));
}

double high_of(const json_t *j, const char *key)
{
    return json_number_value(json_object_get(json_object_get(j, key), "high"));
}

const char *string_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

const json_t *section_of(struct analysis *a, const char *name)
{
    const json_t *s = json_object_get(a->model, name);
    return json_object_get(s, "unsupported") ? NULL : s;
}

struct word word_units(const struct analysis *a)
{
    return word_known(a->measure == MEASURE_FLOWS     ? "conversations"
                      : a->measure == MEASURE_PACKETS ? "packets"
                                                      : "octets");
}

const json_t *evidence_of_use(struct analysis *a)
{
    return json_object_get(json_object_get(a->model, "activity"), "evidence");
}

void say_days(struct analysis *a, json_t *finding)
{
    const json_t *usage = json_object_get(json_object_get(a->model, "totals"), "usage");
    double effective = value_of(usage, "days_effective");
    double days = value_of(json_object_get(a->model, "fidelity"), "days_used");
    if (effective > 0 && (effective < 8 || value_of(usage, "day_to_day_correlation") > 0.7))
        finding_say(finding, "caveats",
                    SAY(a, M_CAVEAT_DAYS, word_count(days),
                        word_setting(effective < 1.5 ? 1 : round(effective))));
}

size_t days_compared(const struct analysis *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->days; i++)
        n += a->used[i] && a->usage[i].flows > 0;
    return n;
}

void finding_infer(struct analysis *a, json_t *finding, struct phrase seen, struct phrase inferred,
                   const char *likelihood)
{
    json_object_set_new(finding, "likelihood", json_string(likelihood));
    finding_say(finding, "statement",
                SAY(a, M_SENTENCES, word_phrase(seen), word_phrase(inferred)));
}

/* The share that a finding stands on, its first value; NULL when that is something else. */
static const json_t *first_share(json_t *finding)
{
    json_t *values = json_object_get(finding, "values");
    const json_t *first = json_object_iter_value(json_object_iter(values));
    return json_object_get(first, "low") && json_object_get(first, "high") ? first : NULL;
}

/* One day tells nothing of the next, and an interval over more than half of what a share can be
 * tells nothing at all: such findings are said with low confidence, and the one day is named. */
static void temper(struct analysis *a, json_t *finding)
{
    static const char *const resting[] = {"services", "categories", "presence", "concealment"};
    const json_t *share = first_share(finding);
    bool rests = false, single = days_compared(a) < 2;
    for (size_t i = 0; i < sizeof(resting) / sizeof(resting[0]); i++)
        rests = rests || strcmp(string_of(finding, "section"), resting[i]) == 0;
    if (!rests || !share)
        return;
    bool wide = json_number_value(json_object_get(share, "high")) -
                    json_number_value(json_object_get(share, "low")) >
                0.5;
    if (!single && !wide)
        return;
    json_object_set_new(finding, "confidence", json_string("low"));
    if (single)
        finding_reword(a->arena, finding, "headline", M_ON_ONE_DAY);
    finding_say(finding, "caveats", SAY(a, single ? M_CAVEAT_ONE_DAY : M_CAVEAT_WIDE));
}

/* --- the data --- */

static struct phrase imported(struct analysis *a, const json_t *sources, const double counts[3])
{
    const char *first = "", *last = "";
    const char *from = string_of(section_of(a, "study"), "from");
    const char *to = string_of(section_of(a, "study"), "to");
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *s = json_array_get(sources, i);
        if (string_of(s, "first")[0] && (!first[0] || strcmp(string_of(s, "first"), first) < 0))
            first = string_of(s, "first");
        if (strcmp(string_of(s, "last"), last) > 0)
            last = string_of(s, "last");
    }
    if (json_array_size(sources) == 0)
        return SAY(a, M_NOTHING_IMPORTED, word_date(from), word_date(to));
    struct phrase when =
        first[0] ? SAY(a, M_NOTHING_WHEN, word_date(first), word_date(last)) : SAY(a, M_NOTHING);
    return SAY(a, M_NOTHING_KEPT, word_count(counts[0]),
               word_count((double)json_array_size(sources)), word_count(counts[1]),
               word_count(counts[2]), word_phrase(when), word_date(from), word_date(to));
}

/* Nothing of the population in the period: what was imported instead tells why. */
static void find_nothing(struct analysis *a, json_t *findings)
{
    static const char *const names[] = {"records", "outside", "kept"};
    const json_t *sources = json_object_get(section_of(a, "provenance"), "sources");
    double counts[3] = {0};
    json_t *f = finding_new("nothing", "totals", "high");
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < json_array_size(sources); i++)
            counts[k] += value_of(json_array_get(sources, i), names[k]);
        json_object_set_new(json_object_get(f, "values"), names[k], count_json(counts[k]));
    }
    finding_say(f, "headline", SAY(a, M_NOTHING_HEAD));
    finding_say(f, "statement", imported(a, sources, counts));
    finding_say(f, "because", SAY(a, M_BECAUSE_COUNTED));
    finding_say(f, "alternatives", SAY(a, M_NOTHING_ALTERNATIVE));
    finding_end(findings, f, json_object_get(section_of(a, "totals"), "evidence"));
}

static void find_totals(struct analysis *a, json_t *findings)
{
    const json_t *t = section_of(a, "totals"), *usage = json_object_get(t, "usage");
    struct word flows = word_count(value_of(usage, "flows"));
    struct word hosts = word_count(value_of(t, "local_hosts"));
    if (flows.value <= 0)
        return;
    json_t *f = finding_new("use", "totals", "high");
    finding_say(f, "headline",
                SAY(a, M_USE_HEAD, flows, hosts, word_count(value_of(usage, "days"))));
    finding_say(f, "statement",
                SAY(a, M_USE, word_count((double)a->days), flows, hosts,
                    word_count(value_of(t, "remote_hosts"))));
    finding_say(f, "because", SAY(a, M_BECAUSE_COUNTED));
    finding_say(f, "caveats", SAY(a, M_USE_CAVEAT));
    finding_value(f, "flows", json_object_get(usage, "flows"));
    finding_value(f, "local_hosts", json_object_get(t, "local_hosts"));
    finding_value(f, "remote_hosts", json_object_get(t, "remote_hosts"));
    finding_end(findings, f, json_object_get(usage, "evidence"));
}

static void find_role(struct analysis *a, const char *role, enum message headline,
                      enum message statement, json_t *findings)
{
    const json_t *roles = json_object_get(section_of(a, "totals"), "roles");
    const json_t *r = json_object_get(roles, role);
    double flows = value_of(r, "flows");
    if (flows <= 0)
        return;
    json_t *f = finding_new(role, "totals", "high");
    finding_say(f, "headline", SAY(a, headline));
    finding_say(f, "statement",
                SAY(a, statement, word_count(flows), word_count(value_of(r, "remote_hosts")),
                    word_count(value_of(r, "local_hosts"))));
    finding_say(f, "because", SAY(a, M_ROLE_BECAUSE));
    finding_say(f, "caveats", SAY(a, M_ROLE_CAVEAT));
    finding_value(f, "flows", json_object_get(r, "flows"));
    finding_value(f, "local_hosts", json_object_get(r, "local_hosts"));
    json_t *evidence = evidence_json(a, arena_format(a->arena, "role %s", role), flows);
    finding_end(findings, f, evidence);
    json_decref(evidence);
}

static struct phrase data_headline(struct analysis *a, double used)
{
    double days = (double)a->days;
    bool whole = used == days;
    if (a->days == 1)
        return SAY(a, whole ? M_DATA_DAY_WHOLE : M_DATA_DAY_POOR);
    if (used == 0)
        return SAY(a, M_DATA_NONE);
    if (whole)
        return SAY(a, M_DATA_ALL, word_count(days));
    return SAY(a, used == 1 ? M_DATA_ONE : M_DATA_SOME, word_count(used), word_count(days));
}

static void find_fidelity(struct analysis *a, json_t *findings)
{
    const json_t *s = section_of(a, "fidelity"), *days = json_object_get(s, "days");
    double used = value_of(s, "days_used"), lost = 0, records = 0;
    for (size_t i = 0; i < json_array_size(days); i++) {
        lost += value_of(json_array_get(days, i), "records_lost");
        records += value_of(json_array_get(days, i), "records");
    }
    json_t *f = finding_new("data-quality", "fidelity", "high");
    finding_say(f, "headline", data_headline(a, used));
    finding_say(f, "statement",
                SAY(a, M_DATA, word_count(used), word_count((double)a->days),
                    word_part(lost > 0 ? lost / (lost + records) : 0)));
    for (size_t i = 0; i < a->warning_count; i++)
        finding_say(f, "caveats", a->warnings[i]);
    finding_say(f, "because", SAY(a, M_DATA_BECAUSE));
    finding_say(f, "caveats", SAY(a, M_DATA_CAVEAT));
    finding_value(f, "days_used", json_object_get(s, "days_used"));
    json_object_set_new(json_object_get(f, "values"), "records_lost", count_json(lost));
    finding_end(findings, f, json_object_get(json_object_get(a->model, "totals"), "evidence"));
}

static void find_all(struct analysis *a, json_t *findings)
{
    if (a->total.flows <= 0) {
        find_nothing(a, findings);
        return;
    }
    find_totals(a, findings);
    use_findings(a, findings);
    rhythm_findings(a, findings);
    events_findings(a, findings);
    concealment_findings(a, section_of(a, "concealment"), findings);
    concealment_faults_findings(a, section_of(a, "concealment"), findings);
    devices_findings(a, section_of(a, "devices"), findings);
    pivots_findings(a, section_of(a, "pivots"), findings);
    onsets_findings(a, findings);
    presence_findings(a, findings);
    recon_findings(a, section_of(a, "recon"), findings);
    contacts_findings(a, section_of(a, "contacts"), findings);
    find_role(a, "served", M_SERVED_HEAD, M_SERVED, findings);
    find_role(a, "unanswered", M_UNANSWERED_HEAD, M_UNANSWERED, findings);
    find_fidelity(a, findings);
    for (size_t i = 0; i < json_array_size(findings); i++)
        temper(a, json_array_get(findings, i));
}

int findings_section(struct analysis *a, json_t **ret, struct error *err)
{
    *ret = json_array();
    find_all(a, *ret);
    json_object_set_new(a->model, "judgements", judgements_json(a, *ret));
    return add_samples(a, *ret, err);
}
