/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences about services, categories and stated blocks. */
#include <string.h>

#include "analysis/findings.h"

enum { RANKED = 8, CATEGORIES_MAX = 3 };

static void find_first(struct analysis *a, json_t *findings)
{
    const json_t *services = section_of(a, "services");
    const json_t *one = json_array_get(services, 0), *two = json_array_get(services, 1);
    if (!one)
        return;
    bool sure = value_of(one, "rank_high") == 1;
    double ambiguous = value_of(one, "ambiguous_share");
    double named = value_of(json_object_get(one, "basis"), "name") / value_of(one, "flows");
    struct word name = word_name(string_of(one, "name"));
    json_t *f = finding_new("service-first", "services", sure ? "high" : "moderate");
    finding_say(f, "headline", SAY(a, sure ? M_SERVICE_FIRST : M_SERVICE_LEADS, name));
    struct phrase said =
        SAY(a, M_SERVICE_SHARE, name, word_share(json_object_get(one, "share")), word_units(a));
    if (two)
        said = SAY(a, M_SENTENCES, word_phrase(said),
                   word_phrase(SAY(a, M_SERVICE_SECOND, word_name(string_of(two, "name")),
                                   word_share(json_object_get(two, "share")))));
    finding_say(f, "statement", said);
    finding_say(f, "because", SAY(a, M_SERVICE_NAMED, word_part(named)));
    if (two)
        finding_say(f, "because", SAY(a, sure ? M_SERVICE_SURE : M_SERVICE_UNSURE));
    if (ambiguous > 0)
        finding_say(f, "caveats", SAY(a, M_SERVICE_AMBIGUOUS, word_part(ambiguous)));
    say_days(a, f);
    finding_value(f, "share", json_object_get(one, "share"));
    if (two)
        finding_value(f, "second_share", json_object_get(two, "share"));
    finding_end(findings, f, json_object_get(one, "evidence"));
}

/* What several rows of a table are together. */
struct together {
    struct amounts *cells; /* by day */
    struct buf filter;
    double flows;
    size_t parts;
};

static struct together together_new(struct analysis *a)
{
    struct together t = {.cells = arena_array(a->arena, a->days + 1, sizeof(*t.cells))};
    buf_init(&t.filter, 8192);
    return t;
}

static void together_add(struct analysis *a, struct together *t, const struct table *table,
                         enum symbol_kind kind, const json_t *row)
{
    const char *id = string_of(row, "id");
    size_t at = table_row(table, symbols_find(a->symbols, kind, id, strlen(id)));
    if (at == SIZE_MAX)
        return;
    for (size_t d = 0; d < a->days; d++)
        amounts_add(&t->cells[d], &table->cells[at * a->days + d]);
    buf_format(&t->filter, "%s%s %s", t->parts++ ? " or " : "",
               kind == SYMBOL_SERVICE ? "service" : "category", filter_word(a, id));
    t->flows += value_of(row, "flows");
}

static json_t *together_share(struct analysis *a, const struct together *t, enum study_measure m)
{
    struct estimate e = share_of_days(a, t->cells, a->usage, m);
    return estimate_json(&e);
}

static void together_end(struct analysis *a, struct together *t, json_t *findings, json_t *f)
{
    const char *format = t->parts > 1 ? "(%s) and " USAGE_FILTER : "%s and " USAGE_FILTER;
    json_t *evidence = evidence_json(a, arena_format(a->arena, format, t->filter.at), t->flows);
    finding_end(findings, f, evidence);
    json_decref(evidence);
}

static void find_ranking(struct analysis *a, json_t *findings)
{
    const json_t *services = section_of(a, "services");
    struct phrase names[RANKED];
    size_t n = json_array_size(services), firm = 0;
    struct together t = together_new(a);
    json_t *f = finding_new("service-ranking", "services", "moderate");
    n = n < RANKED ? n : RANKED;
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_array_get(services, i);
        double rank = (double)i + 1;
        names[i] = SAY(a, M_ONE, word_name(string_of(s, "name")));
        firm += value_of(s, "rank_low") == rank && value_of(s, "rank_high") == rank;
        together_add(a, &t, &a->services, SYMBOL_SERVICE, s);
    }
    if (n < 3) {
        json_decref(f);
        buf_done(&t.filter);
        return;
    }
    json_t *share = together_share(a, &t, a->measure);
    struct word count = word_count((double)n);
    struct phrase list = phrase_list(a->arena, names, n, M_COMMA, M_AND);
    finding_say(f, "headline", SAY(a, M_RANKING_HEAD, count, word_bare(word_share(share))));
    finding_say(f, "statement",
                SAY(a, M_RANKING, word_units(a), word_phrase(list), word_share(share)));
    finding_say(f, "because", SAY(a, M_RANKING_FIRM, word_count((double)firm), count));
    const json_t *open = json_object_get(section_of(a, "totals"), "unattributed");
    if (json_is_object(open))
        finding_say(
            f, "caveats",
            SAY(a, M_RANKING_OPEN, word_share(json_object_get(open, "share")), word_units(a)));
    if (firm == n)
        json_object_set_new(f, "confidence", json_string("high"));
    finding_value(f, "share", share);
    for (size_t i = 0; i < n; i++)
        finding_value(f, string_of(json_array_get(services, i), "id"),
                      json_object_get(json_array_get(services, i), "share"));
    together_end(a, &t, findings, f);
    json_decref(share);
    buf_done(&t.filter);
}

/* The fewest categories, at most three, that are over half of all use. */
static void find_categories(struct analysis *a, json_t *findings)
{
    const json_t *list = section_of(a, "categories");
    struct phrase names[CATEGORIES_MAX];
    struct together t = together_new(a);
    double share = 0;
    size_t n = 0;
    for (; n < json_array_size(list) && n < CATEGORIES_MAX && share < 0.5; n++) {
        const json_t *c = json_array_get(list, n);
        if (strcmp(string_of(c, "id"), "unknown") == 0)
            break;
        names[n] = SAY(a, M_ONE, word_known(string_of(c, "name")));
        together_add(a, &t, &a->categories, SYMBOL_CATEGORY, c);
        share += value_of(c, "share");
    }
    if (share >= 0.5) {
        json_t *all = together_share(a, &t, a->measure);
        struct word named = word_phrase(phrase_list(a->arena, names, n, M_COMMA, M_AND));
        json_t *f = finding_new("categories", "categories", "high");
        finding_say(f, "headline", SAY(a, M_CATEGORIES_HEAD, named, word_bare(word_share(all))));
        finding_say(f, "statement",
                    SAY(a, M_CATEGORIES, named, word_share(all), word_units(a), word_flag(n == 1)));
        finding_say(f, "because", SAY(a, M_BECAUSE_CATEGORY));
        finding_say(f, "caveats", SAY(a, M_CAVEAT_CATEGORY));
        say_days(a, f);
        finding_value(f, "share", all);
        for (size_t k = 0; k < n; k++)
            finding_value(f, string_of(json_array_get(list, k), "id"),
                          json_object_get(json_array_get(list, k), "share"));
        together_end(a, &t, findings, f);
        json_decref(all);
    }
    buf_done(&t.filter);
}

static bool is_entertainment(const char *id)
{
    static const char *const ids[] = {"gaming",    "games", "video-streaming",
                                      "streaming", "video", "music"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

/* Games, video and music, by octets: what the volume is spent on. */
static void find_entertainment(struct analysis *a, json_t *findings)
{
    const json_t *list = section_of(a, "categories");
    struct together t = together_new(a);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (is_entertainment(string_of(json_array_get(list, i), "id")))
            together_add(a, &t, &a->categories, SYMBOL_CATEGORY, json_array_get(list, i));
    if (t.parts > 0 && a->usage_total.octets > 0) {
        json_t *octets = together_share(a, &t, MEASURE_OCTETS);
        json_t *flows = together_share(a, &t, MEASURE_FLOWS);
        json_t *f = finding_new("entertainment", "categories", "high");
        finding_say(f, "headline", SAY(a, M_ENTERTAINMENT_HEAD, word_bare(word_share(octets))));
        finding_say(f, "statement", SAY(a, M_ENTERTAINMENT, word_share(octets), word_share(flows)));
        finding_say(f, "because", SAY(a, M_BECAUSE_CATEGORY));
        finding_say(f, "caveats", SAY(a, M_CAVEAT_CATEGORY));
        finding_value(f, "octets_share", octets);
        finding_value(f, "share", flows);
        together_end(a, &t, findings, f);
        json_decref(octets);
        json_decref(flows);
    }
    buf_done(&t.filter);
}

static void find_policy(struct analysis *a, const json_t *p, json_t *findings)
{
    const json_t *services = section_of(a, "services"), *subject = NULL;
    const char *id = string_of(p, "service");
    for (size_t k = 0; k < json_array_size(services); k++)
        if (strcmp(string_of(json_array_get(services, k), "id"), id) == 0)
            subject = json_array_get(services, k);
    if (!subject || value_of(p, "flows") <= 0)
        return;
    struct word name = word_name(string_of(subject, "name"));
    json_t *f = finding_new(arena_format(a->arena, "policy-%s", id), "policies", "high");
    finding_say(f, "headline", SAY(a, M_POLICY_HEAD, name));
    finding_say(f, "statement",
                SAY(a, M_POLICY, word_count(value_of(p, "flows")), name,
                    word_count(value_of(p, "days")), word_count(value_of(subject, "local_hosts"))));
    finding_say(f, "because", SAY(a, M_POLICY_BECAUSE, word_name(string_of(p, "source"))));
    finding_say(f, "alternatives", SAY(a, M_POLICY_ALTERNATIVE));
    finding_value(f, "flows", json_object_get(p, "flows"));
    finding_end(findings, f, json_object_get(p, "evidence"));
}

void use_findings(struct analysis *a, json_t *findings)
{
    const json_t *policies = section_of(a, "policies");
    find_first(a, findings);
    find_ranking(a, findings);
    find_categories(a, findings);
    find_entertainment(a, findings);
    for (size_t i = 0; i < json_array_size(policies); i++)
        find_policy(a, json_array_get(policies, i), findings);
}
