/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences about concealment. A measurement has no likelihood; nothing seen is no finding: the
 * section holds its bound. */
#include <string.h>

#include "analysis/concealment.h"

enum { TOR_DAYS_MIN = 3, NAMED_MAX = 3 };

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

static json_t *texts(const char *const *list, size_t count)
{
    json_t *j = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(j, json_string(list[i]));
    return j;
}

static const char *units(const struct analysis *a)
{
    return a->measure == MEASURE_FLOWS     ? "conversations"
           : a->measure == MEASURE_PACKETS ? "packets"
                                           : "octets";
}

/* Part of the counted conversations that rest on a port alone. */
static double by_port_alone(const json_t *section)
{
    const json_t *list = json_object_get(section, "techniques");
    double ports = 0, all = value_of(section, "flows");
    for (size_t i = 0; i < json_array_size(list); i++)
        ports += value_of(json_object_get(json_array_get(list, i), "basis"), "port");
    return all > 0 ? ports / all : 0;
}

static const char *largest(struct analysis *a, const json_t *section)
{
    const json_t *list = json_object_get(section, "techniques");
    struct buf b;
    size_t n = json_array_size(list);
    buf_init(&b, 4096);
    for (size_t i = 0; i < n && i < NAMED_MAX; i++) {
        const json_t *t = json_array_get(list, i);
        buf_format(&b, "%s%s %s", i ? ", " : "", string_of(t, "provider"),
                   text_share(a, json_object_get(t, "share")));
    }
    if (n > NAMED_MAX)
        buf_format(&b, ", and %zu more", n - NAMED_MAX);
    const char *text = arena_text(a->arena, b.at, strlen(b.at));
    buf_done(&b);
    return text;
}

static json_t *share_finding(struct analysis *a, const json_t *s)
{
    const json_t *share = json_object_get(s, "share");
    double ports = by_port_alone(s), high = value_of(share, "high");
    bool wide = high - value_of(share, "low") > 0.5; /* one day bounds nothing */
    const char *value = text_percent(a, value_of(s, "share"));
    const char *range = arena_format(a->arena, "%s to %s", text_percent(a, value_of(share, "low")),
                                     text_percent(a, high));
    const char *headline =
        high < 0.01
            ? arena_format(a->arena, "Under 1%% of activity is concealed: %s (%s)", value, range)
            : arena_format(a->arena, "%s of activity is concealed%s (%s)", value,
                           a->study->concealment == CONCEALMENT_2017 ? "" : ", TLS counted", range);
    const char *hosts = text_count(a, value_of(s, "local_hosts"));
    const char *statement = arena_format(
        a->arena,
        "What flow data shows to be Tor, a VPN%s makes up %s of the population's %s, and "
        "%s of its octets: %s conversations by %s address%s on %.0f day%s.",
        a->study->concealment == CONCEALMENT_2017 ? " or a proxy" : ", a proxy or TLS",
        text_share(a, share), units(a), text_share(a, json_object_get(s, "octets_share")),
        text_count(a, value_of(s, "flows")), hosts, strcmp(hosts, "1") == 0 ? "" : "es",
        value_of(s, "days"), value_of(s, "days") == 1 ? "" : "s");
    const char *const because[] = {
        arena_format(a->arena, "The largest: %s.", largest(a, s)),
        arena_format(a->arena, "%s of these conversations rest on a port alone.",
                     ports >= 1  ? "All"
                     : ports > 0 ? text_percent(a, ports)
                                 : "None"),
    };
    const json_t *at_most = json_object_get(s, "at_most");
    const char *const caveats[] = {
        "It is the share that can be seen. Bridges, tunnels over port 443 and relays on rented "
        "servers are built to look like ordinary use, and are not in it.",
        arena_format(a->arena, "Definition %s: %s", string_of(s, "definition"),
                     string_of(s, "definition_is")),
        at_most ? arena_format(a->arena,
                               "Were all SSH and all rented servers of no known service counted "
                               "too, it would be %s: a bound of what they could hide, not an "
                               "estimate.",
                               text_share(a, at_most))
                : "",
    };
    const char *const alternatives[] = {
        "VPN protocols also join offices and manage machines: a tunnel need not hide anything.",
    };
    return json_pack("{s:s, s:s, s:s, s:s, s:n, s:s, s:o, s:o, s:o, s:{s:O, s:O, s:O, s:O*}, s:O}",
                     "id", "concealment", "section", "concealment", "headline", headline,
                     "statement", statement, "likelihood", "confidence",
                     wide          ? "low"
                     : ports > 0.5 ? "moderate"
                                   : "high",
                     "because", texts(because, 2), "caveats", texts(caveats, at_most ? 3 : 2),
                     "alternatives", texts(alternatives, 1), "values", "share", share,
                     "octets_share", json_object_get(s, "octets_share"), "flows",
                     json_object_get(s, "flows"), "at_most", at_most, "evidence",
                     json_object_get(s, "evidence"));
}

/* The relay that was used on most days. */
static json_t *tor_finding(struct analysis *a, const json_t *s)
{
    const json_t *t = json_array_get(json_object_get(s, "tor"), 0);
    const json_t *policy = json_object_get(t, "guard_policy");
    bool normal = json_is_true(json_object_get(policy, "normal"));
    double days = value_of(t, "days_seen");
    const char *headline = arena_format(
        a->arena, "%s reaches Tor through one relay on %.0f days%s", string_of(t, "local"), days,
        normal ? ", as Tor's clients do by design" : ", unlike Tor's clients by their design");
    const char *statement = arena_format(
        a->arena,
        "The address has conversations with %s on %.0f of the study's %zu days (%s to %s, at most "
        "%.0f in a row)%s.",
        string_of(t, "relay"), days, a->days, string_of(t, "first"), string_of(t, "last"),
        value_of(t, "longest_run"),
        value_of(t, "relays_of_host") > 1
            ? arena_format(a->arena, "; it uses %.0f relays in all", value_of(t, "relays_of_host"))
            : " and with no other relay");
    const char *const because[] = {
        normal ? "A Tor client keeps its entry guard for two to four months, so the same relay "
                 "every day is no mistake of its user."
               : "Tor's rules replace an entry guard after 120 days at the latest, and give a "
                 "client few of them.",
        arena_format(a->arena, "p %.2g against these rules.",
                     value_of(json_object_get(policy, "test"), "p")),
    };
    const char *const caveats[] = {
        "No consensus data for that date was at hand: that the address was a relay then rests on "
        "the flows' own marks (port or payload).",
    };
    const char *const alternatives[] = {
        normal ? "Another service on a port of Tor's would look alike."
               : "A relay or bridge of its own inside the population, a pinned entry node, or "
                 "another service on a port of Tor's.",
    };
    return json_pack("{s:s, s:s, s:s, s:s, s:n, s:s, s:o, s:o, s:o, s:{s:O, s:O, s:O}, s:O}", "id",
                     "tor-relay", "section", "concealment", "headline", headline, "statement",
                     statement, "likelihood", "confidence", "moderate", "because",
                     texts(because, 2), "caveats", texts(caveats, 1), "alternatives",
                     texts(alternatives, 1), "values", "days_seen", json_object_get(t, "days_seen"),
                     "longest_run", json_object_get(t, "longest_run"), "relays_of_host",
                     json_object_get(t, "relays_of_host"), "evidence",
                     json_object_get(t, "evidence"));
}

void concealment_findings(struct analysis *a, const json_t *section, json_t *findings)
{
    const json_t *tor = json_array_get(json_object_get(section, "tor"), 0);
    if (value_of(section, "flows") > 0)
        json_array_append_new(findings, share_finding(a, section));
    if (tor && value_of(tor, "days_seen") >= TOR_DAYS_MIN)
        json_array_append_new(findings, tor_finding(a, section));
}
