/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences about scans, sensitive organisations and lasting pairs. They say what was seen to
 * be done, never what it was for. */
#include <string.h>

#include "analysis/findings.h"

enum { NAMED_MAX = 3 };

static void hold(json_t *f, const char *name, const json_t *from, const char *key)
{
    finding_value(f, name, json_object_get(from, key));
}

static const json_t *first_of(const json_t *list, const char *direction)
{
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++)
        if (strcmp(string_of(json_array_get(list, i), "direction"), direction) == 0)
            return json_array_get(list, i);
    return NULL;
}

static struct phrase described(struct analysis *a, const json_t *s)
{
    const json_t *ports = json_object_get(s, "ports");
    struct phrase list[NAMED_MAX];
    size_t n = 0;
    for (; n < json_array_size(ports) && n < NAMED_MAX; n++)
        list[n] = SAY(
            a, M_ONE,
            word_name(arena_format(a->arena, "%.0f", json_number_value(json_array_get(ports, n)))));
    return SAY(a, M_SCANNER,
               word_name(string_of(s, json_object_get(s, "local") ? "local" : "remote")),
               word_count(value_of(s, "flows")), word_count(value_of(s, "targets")),
               word_count(value_of(s, "ports_tried")),
               word_phrase(phrase_list(a->arena, list, n, M_COMMA, M_COMMA)),
               word_flag(json_is_true(json_object_get(s, "slow"))));
}

static void say_method(struct analysis *a, json_t *f, const json_t *d)
{
    finding_say(f, "because", SAY(a, M_SCAN_BECAUSE, word_setting(value_of(d, "least_targets"))));
    hold(f, "scanners", d, "scanners");
    hold(f, "least_targets", d, "least_targets");
}

static json_t *outward_found(struct analysis *a, const json_t *d, const json_t *first)
{
    struct word n = word_count(value_of(d, "scanners"));
    json_t *f = finding_new("scans-out", "recon", "moderate");
    finding_say(f, "headline", SAY(a, M_SCANS_OUT_HEAD, n));
    finding_infer(a, f,
                  SAY(a, M_SCANS_OUT, n, word_count(value_of(d, "local_hosts")),
                      word_share(json_object_get(d, "share"))),
                  SAY(a, M_SCANS_INFERRED, word_known("likely"), n), "likely");
    finding_say(f, "because", SAY(a, M_SCANS_PLAINEST, word_phrase(described(a, first))));
    finding_say(f, "alternatives", SAY(a, M_SCANS_OUT_OLD));
    finding_say(f, "alternatives", SAY(a, M_SCANS_OUT_SHARING));
    finding_say(f, "alternatives", SAY(a, M_SCANS_OUT_RESEARCH));
    finding_say(f, "caveats", SAY(a, M_SCANS_OUT_CAVEAT));
    return f;
}

static json_t *outward_none(struct analysis *a, const json_t *d)
{
    json_t *f = finding_new("scans-out-none", "recon", "moderate");
    finding_say(f, "headline", SAY(a, M_SCANS_OUT_NONE_HEAD));
    finding_say(f, "statement",
                SAY(a, M_SCANS_OUT_NONE, word_count(value_of(d, "local_hosts")),
                    word_share(json_object_get(d, "share"))));
    finding_say(f, "caveats",
                SAY(a, M_SCANS_OUT_MISSED, word_setting(value_of(d, "least_targets"))));
    finding_say(f, "caveats", SAY(a, M_SCANS_OUT_TCP));
    return f;
}

static void outward(struct analysis *a, const json_t *recon, json_t *findings)
{
    const json_t *d = json_object_get(recon, "outward");
    const json_t *first = first_of(json_object_get(recon, "scanners"), "outward");
    if (json_object_get(d, "unsupported") || value_of(d, "local_hosts") <= 0)
        return;
    json_t *f = first ? outward_found(a, d, first) : outward_none(a, d);
    say_method(a, f, d);
    hold(f, "share", d, "share");
    finding_end(findings, f, json_object_get(first ? first : d, "evidence"));
}

static void inward(struct analysis *a, const json_t *recon, json_t *findings)
{
    const json_t *d = json_object_get(recon, "inward");
    const json_t *first = first_of(json_object_get(recon, "scanners"), "inward");
    struct word n = word_count(value_of(d, "scanners"));
    if (!first)
        return;
    json_t *f = finding_new("scans-in", "recon", "high");
    finding_say(f, "headline", SAY(a, M_SCANS_IN_HEAD, n));
    finding_say(f, "statement", SAY(a, M_SCANS_IN, n));
    finding_say(f, "because", SAY(a, M_SCANS_PLAINEST, word_phrase(described(a, first))));
    finding_say(f, "caveats", SAY(a, M_SCANS_IN_CAVEAT));
    finding_say(f, "caveats", SAY(a, M_SCANS_IN_FORGED));
    finding_say(f, "alternatives", SAY(a, M_SCANS_IN_SURVEY));
    say_method(a, f, d);
    finding_end(findings, f, json_object_get(d, "evidence"));
}

static struct phrase organisation(struct analysis *a, const json_t *o)
{
    return SAY(a, M_SENSITIVE_ONE, word_name(string_of(o, "organisation")),
               word_known(string_of(o, "kind")), word_country(string_of(o, "country")),
               word_count(value_of(o, "flows")), word_count(value_of(o, "local_hosts")),
               word_count(value_of(o, "days")));
}

static json_t *sensitive_found(struct analysis *a, const json_t *list)
{
    struct phrase named[NAMED_MAX];
    const json_t *first = NULL;
    size_t abroad = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        if (json_is_true(json_object_get(o, "own")))
            continue;
        first = first ? first : o;
        if (abroad < NAMED_MAX)
            named[abroad] = organisation(a, o);
        abroad++;
    }
    if (!first)
        return NULL;
    json_t *f = finding_new("sensitive", "recon", "moderate");
    size_t told = abroad < NAMED_MAX ? abroad : NAMED_MAX;
    finding_say(f, "headline", SAY(a, M_SENSITIVE_HEAD, word_count((double)abroad)));
    finding_say(f, "statement",
                SAY(a, M_SENSITIVE,
                    word_phrase(phrase_list(a->arena, named, told, M_SEMICOLON, M_SEMICOLON))));
    finding_say(f, "caveats", SAY(a, M_SENSITIVE_CAVEAT));
    finding_say(f, "alternatives", SAY(a, M_SENSITIVE_ALTERNATIVE));
    hold(f, "flows", first, "flows");
    hold(f, "evidence", first, "evidence");
    return f;
}

static json_t *sensitive_none(struct analysis *a, const json_t *all)
{
    double known = value_of(all, "owner_known");
    json_t *f = finding_new("sensitive-none", "recon", "moderate");
    finding_say(f, "headline", SAY(a, M_SENSITIVE_NONE_HEAD));
    finding_say(f, "statement",
                SAY(a, M_SENSITIVE_NONE, word_count(known), word_bound(3 / (known > 0 ? known : 1)),
                    word_percent(LEVEL)));
    return f;
}

static void sensitive(struct analysis *a, const json_t *recon, json_t *findings)
{
    const json_t *list = json_object_get(recon, "sensitive");
    const json_t *all = json_object_get(recon, "sensitive_all");
    if (!json_is_array(list))
        return;
    json_t *f = sensitive_found(a, list);
    json_t *values = json_object_get(f, "values");
    json_t *evidence = json_incref(
        f ? json_object_get(values, "evidence")
          : json_object_get(json_object_get(json_object_get(a->model, "totals"), "usage"),
                            "evidence"));
    json_object_del(values, "evidence");
    f = f ? f : sensitive_none(a, all);
    finding_say(f, "because", SAY(a, M_SENSITIVE_BECAUSE));
    finding_say(f, "caveats",
                SAY(a, M_SENSITIVE_KNOWN, word_part(value_of(all, "owner_known_share"))));
    finding_end(findings, f, evidence);
    json_decref(evidence);
}

void recon_findings(struct analysis *a, const json_t *recon, json_t *findings)
{
    if (!recon)
        return;
    outward(a, recon, findings);
    inward(a, recon, findings);
    sensitive(a, recon, findings);
}

static json_t *regular_found(struct analysis *a, const json_t *one, size_t regular)
{
    const json_t *test = json_object_get(one, "test");
    json_t *f = finding_new("regular-pairs", "contacts", "moderate");
    finding_say(f, "headline", SAY(a, M_PAIRS_HEAD, word_count((double)regular)));
    struct phrase said =
        SAY(a, M_PAIRS, word_name(string_of(one, "local")), word_name(string_of(one, "remote")),
            word_name(string_of(one, "service")), word_duration(value_of(one, "period_s")),
            word_count(value_of(one, "days_seen")), word_date(string_of(one, "first")),
            word_date(string_of(one, "last")));
    finding_infer(a, f, said, SAY(a, M_PAIRS_INFERRED, word_known("very likely")), "very likely");
    finding_say(f, "because",
                SAY(a, M_PAIRS_BECAUSE, word_figure(value_of(one, "score")),
                    word_part(value_of(one, "steady")), word_p(value_of(test, "p")),
                    word_p(value_of(test, "q"))));
    finding_say(f, "caveats", SAY(a, M_PAIRS_CAVEAT));
    finding_say(f, "alternatives", SAY(a, M_PAIRS_ALTERNATIVE));
    hold(f, "period_s", one, "period_s");
    hold(f, "score", one, "score");
    hold(f, "days_seen", one, "days_seen");
    return f;
}

static json_t *regular_none(struct analysis *a, const json_t *first, size_t tested)
{
    json_t *f = finding_new("regular-pairs-none", "contacts", "moderate");
    finding_say(f, "headline", SAY(a, M_PAIRS_NONE_HEAD));
    finding_say(f, "statement", SAY(a, M_PAIRS_NONE, word_count((double)tested)));
    finding_say(f, "because",
                SAY(a, M_PAIRS_NONE_BECAUSE, word_name(string_of(first, "local")),
                    word_name(string_of(first, "remote")), word_name(string_of(first, "service")),
                    word_count(value_of(first, "days_seen"))));
    finding_say(f, "caveats", SAY(a, M_PAIRS_NONE_CAVEAT));
    hold(f, "days_seen", first, "days_seen");
    return f;
}

void contacts_findings(struct analysis *a, const json_t *contacts, json_t *findings)
{
    size_t regular = 0, tested = 0;
    const json_t *first = json_array_get(contacts, 0), *one = NULL;
    for (size_t i = 0; i < json_array_size(contacts); i++) {
        const json_t *c = json_array_get(contacts, i);
        bool is = json_is_true(json_object_get(c, "regular"));
        regular += is;
        tested += json_is_object(json_object_get(c, "test"));
        one = one ? one : is ? c : NULL;
    }
    if (!first || tested == 0)
        return;
    json_t *f = one ? regular_found(a, one, regular) : regular_none(a, first, tested);
    finding_end(findings, f, json_object_get(one ? one : first, "evidence"));
}
