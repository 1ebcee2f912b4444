/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences about scans, sensitive organisations and lasting pairs. They say what was seen to
 * be done, never what it was for. */
#include <string.h>

#include "analysis/section.h"

enum { NAMED_MAX = 3 };

static double value_of(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    return json_number_value(json_is_object(v) ? json_object_get(v, "value") : v);
}

static const char *string_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

static const char *plural(double n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

static json_t *finding(const char *id, const char *section, const char *headline,
                       const char *statement, const char *confidence, const json_t *evidence)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:n, s:s, s:[], s:[], s:[], s:{}, s:O}", "id", id,
                     "section", section, "headline", headline, "statement", statement, "likelihood",
                     "confidence", confidence, "because", "caveats", "alternatives", "values",
                     "evidence", evidence);
}

static void say(json_t *f, const char *list, const char *text)
{
    json_array_append_new(json_object_get(f, list), json_string(text));
}

static void hold(json_t *f, const char *name, const json_t *from, const char *key)
{
    json_object_set(json_object_get(f, "values"), name, json_object_get(from, key));
}

static const json_t *first_of(const json_t *list, const char *direction)
{
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++)
        if (strcmp(string_of(json_array_get(list, i), "direction"), direction) == 0)
            return json_array_get(list, i);
    return NULL;
}

static const char *described(struct analysis *a, const json_t *s)
{
    const json_t *ports = json_object_get(s, "ports");
    struct buf b;
    buf_init(&b, 1024);
    for (size_t i = 0; i < json_array_size(ports) && i < NAMED_MAX; i++)
        buf_format(&b, "%s%.0f", i ? ", " : "", json_number_value(json_array_get(ports, i)));
    const char *list = arena_text(a->arena, b.at ? b.at : "", b.len);
    buf_done(&b);
    return arena_format(
        a->arena, "%s: %s attempts at %s address%s and %s port%s (first of them %s)%s",
        string_of(s, json_object_get(s, "local") ? "local" : "remote"),
        text_count(a, value_of(s, "flows")), text_count(a, value_of(s, "targets")),
        plural(value_of(s, "targets"), "", "es"), text_count(a, value_of(s, "ports_tried")),
        plural(value_of(s, "ports_tried"), "", "s"), list,
        json_is_true(json_object_get(s, "slow")) ? ", slowly over weeks" : "");
}

static void say_method(struct analysis *a, json_t *f, const json_t *d)
{
    say(f, "because",
        arena_format(a->arena,
                     "A random walk of first contacts (Jung 2004), with a bound that a study "
                     "without scans passes with a chance of 1%%: %.0f failures in a row reach it.",
                     value_of(d, "least_targets")));
    hold(f, "scanners", d, "scanners");
    hold(f, "least_targets", d, "least_targets");
}

static void outward(struct analysis *a, const json_t *recon, json_t *findings)
{
    const json_t *d = json_object_get(recon, "outward"), *share = json_object_get(d, "share");
    const json_t *first = first_of(json_object_get(recon, "scanners"), "outward");
    double n = value_of(d, "scanners"), hosts = value_of(d, "local_hosts");
    if (json_object_get(d, "unsupported") || hosts <= 0)
        return;
    json_t *f;
    if (first) {
        f = finding("scans-out", "recon",
                    arena_format(a->arena, "%s address%s of the population behave%s like scanners",
                                 text_count(a, n), plural(n, "", "es"), plural(n, "s", "")),
                    arena_format(a->arena,
                                 "%s of %s addresses with use (%s) tried many outside addresses or "
                                 "ports of which hardly any answered.",
                                 text_count(a, n), text_count(a, hosts), text_share(a, share)),
                    "moderate", json_object_get(first, "evidence"));
        say(f, "because", arena_format(a->arena, "The plainest is %s.", described(a, first)));
        say(f, "alternatives", "A program that keeps trying servers which no longer exist.");
        say(f, "alternatives", "File sharing whose peers have left, where it uses few ports.");
        say(f, "alternatives", "Research or security testing with leave.");
        say(f, "caveats", "What is tried is seen; who runs it, and what for, is not.");
    } else {
        f = finding("scans-out-none", "recon", "No scanning out of the population was found",
                    arena_format(a->arena,
                                 "None of %s addresses with use behaves like a scanner: %s.",
                                 text_count(a, hosts), text_share(a, share)),
                    "moderate", json_object_get(d, "evidence"));
        say(f, "caveats",
            arena_format(a->arena,
                         "A scan of fewer than %.0f addresses, or of fewer than 50 ports of one, "
                         "would not have been found.",
                         value_of(d, "least_targets")));
        say(f, "caveats",
            "Only TCP shows whether an attempt failed; scans by UDP or ICMP out of "
            "the population are not looked for.");
    }
    say_method(a, f, d);
    json_object_set(json_object_get(f, "values"), "share", (json_t *)share);
    json_array_append_new(findings, f);
}

static void inward(struct analysis *a, const json_t *recon, json_t *findings)
{
    const json_t *d = json_object_get(recon, "inward");
    const json_t *first = first_of(json_object_get(recon, "scanners"), "inward");
    double n = value_of(d, "scanners");
    if (!first)
        return;
    json_t *f =
        finding("scans-in", "recon",
                arena_format(a->arena, "%s outside address%s scan%s the population",
                             text_count(a, n), plural(n, "", "es"), plural(n, "s", "")),
                arena_format(a->arena,
                             "%s outside address%s tried addresses or ports of the population one "
                             "after the other, of which hardly any answered.",
                             text_count(a, n), plural(n, "", "es")),
                "high", json_object_get(d, "evidence"));
    say(f, "because", arena_format(a->arena, "The plainest is %s.", described(a, first)));
    say(f, "caveats",
        "Every network on the Internet is scanned at all times: that it happens is "
        "not a sign of interest in this population.");
    say(f, "caveats", "Source addresses of attempts that nobody answered can be forged.");
    say(f, "alternatives", "Surveys of the whole Internet for research.");
    say_method(a, f, d);
    json_array_append_new(findings, f);
}

static void sensitive(struct analysis *a, const json_t *recon, json_t *findings)
{
    const json_t *list = json_object_get(recon, "sensitive");
    const json_t *all = json_object_get(recon, "sensitive_all");
    double abroad = 0;
    struct buf b;
    if (!json_is_array(list))
        return;
    buf_init(&b, 4096);
    const json_t *first = NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        if (json_is_true(json_object_get(o, "own")))
            continue;
        first = first ? first : o;
        if (abroad < NAMED_MAX)
            buf_format(&b, "%s%s (%s, %s): %s conversation%s by %s address%s on %.0f day%s",
                       abroad > 0 ? "; " : "", string_of(o, "organisation"), string_of(o, "kind"),
                       string_of(o, "country"), text_count(a, value_of(o, "flows")),
                       plural(value_of(o, "flows"), "", "s"),
                       text_count(a, value_of(o, "local_hosts")),
                       plural(value_of(o, "local_hosts"), "", "es"), value_of(o, "days"),
                       plural(value_of(o, "days"), "", "s"));
        abroad++;
    }
    json_t *f;
    if (first) {
        f = finding("sensitive", "recon",
                    arena_format(a->arena, "%.0f sensitive organisation%s abroad %s contacted",
                                 abroad, plural(abroad, "", "s"), plural(abroad, "is", "are")),
                    arena_format(a->arena,
                                 "Networks of laboratories, governments, armed forces and banks "
                                 "that were met, most conversations first: %s.",
                                 b.at),
                    "moderate", json_object_get(first, "evidence"));
        say(f, "caveats",
            "A contact is not hostile on that ground: ministries and laboratories "
            "have public web sites, mail and name servers.");
        say(f, "alternatives", "Public pages of these organisations, or services they host.");
        hold(f, "flows", first, "flows");
    } else {
        double bound = 3 / (value_of(all, "owner_known") > 0 ? value_of(all, "owner_known") : 1);
        f = finding("sensitive-none", "recon", "No contact with sensitive organisations abroad",
                    arena_format(a->arena,
                                 "Of %s conversations with networks whose kind of owner is known, "
                                 "none is with a laboratory, government, armed force or bank "
                                 "abroad: at most %s at 95%%.",
                                 text_count(a, value_of(all, "owner_known")),
                                 text_percent(a, bound)),
                    "moderate",
                    json_object_get(json_object_get(json_object_get(a->model, "totals"), "usage"),
                                    "evidence"));
    }
    say(f, "because", "The kind of organisation is that of the network's registered owner.");
    say(f, "caveats",
        arena_format(a->arena, "The kind of owner is known for %s of the conversations.",
                     text_percent(a, value_of(all, "owner_known_share"))));
    json_array_append_new(findings, f);
    buf_done(&b);
}

void recon_findings(struct analysis *a, const json_t *recon, json_t *findings)
{
    if (!recon)
        return;
    outward(a, recon, findings);
    inward(a, recon, findings);
    sensitive(a, recon, findings);
}

static const char *period_text(struct analysis *a, double s)
{
    return s < 120      ? arena_format(a->arena, "%.0f seconds", s)
           : s < 7200   ? arena_format(a->arena, "%.0f minutes", s / 60)
           : s < 172800 ? arena_format(a->arena, "%.1f hours", s / 3600)
                        : arena_format(a->arena, "%.1f days", s / 86400);
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
    json_t *f;
    if (one) {
        const json_t *test = json_object_get(one, "test");
        f = finding(
            "regular-pairs", "contacts",
            arena_format(a->arena, "%zu pair%s of addresses keep%s a clock's time", regular,
                         plural((double)regular, "", "s"), plural((double)regular, "s", "")),
            arena_format(a->arena,
                         "%s meets %s (service %s) about every %s, on %.0f days (%s to %s): more "
                         "evenly than people's times of day would give.",
                         string_of(one, "local"), string_of(one, "remote"),
                         string_of(one, "service"), period_text(a, value_of(one, "period_s")),
                         value_of(one, "days_seen"), string_of(one, "first"),
                         string_of(one, "last")),
            "moderate", json_object_get(one, "evidence"));
        say(f, "because",
            arena_format(a->arena,
                         "Score %.2f (RITA v5's, 1 is even), %.0f%% of the time in even intervals; "
                         "p %.2g, q %.2g over all pairs tested.",
                         value_of(one, "score"), 100 * value_of(one, "steady"), value_of(test, "p"),
                         value_of(test, "q")));
        say(f, "caveats", "A clock's time shows a program, not what it does.");
        say(f, "alternatives",
            "Updates, mail and chat clients, time servers and monitoring keep "
            "such time too.");
        hold(f, "period_s", one, "period_s");
        hold(f, "score", one, "score");
        hold(f, "days_seen", one, "days_seen");
    } else {
        f = finding("regular-pairs-none", "contacts", "No pair of addresses keeps a clock's time",
                    arena_format(a->arena,
                                 "The times of %zu lasting pairs were tested against people's "
                                 "times of day; none is both more even than chance gives (false "
                                 "discoveries at 5%%) and even for half of its time.",
                                 tested),
                    "moderate", json_object_get(first, "evidence"));
        say(f, "because",
            arena_format(a->arena, "The longest lasting is %s with %s (service %s): %.0f days.",
                         string_of(first, "local"), string_of(first, "remote"),
                         string_of(first, "service"), value_of(first, "days_seen")));
        say(f, "caveats",
            "Tested were the pairs seen on most days and those with the most even "
            "days. Calls that are spread at random on purpose, or that hide among "
            "people's, are not found so.");
        hold(f, "days_seen", first, "days_seen");
    }
    json_array_append_new(findings, f);
}
