/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences about concealment. A measurement has no likelihood; nothing seen is no finding: the
 * section holds its bound. */
#include "analysis/concealment.h"
#include "analysis/findings.h"

enum { TOR_DAYS_MIN = 3, NAMED_MAX = 3 };

/* Part of the counted conversations that rest on a port alone. */
static double by_port_alone(const json_t *section)
{
    const json_t *list = json_object_get(section, "techniques");
    double ports = 0, all = value_of(section, "flows");
    for (size_t i = 0; i < json_array_size(list); i++)
        ports += value_of(json_object_get(json_array_get(list, i), "basis"), "port");
    return all > 0 ? ports / all : 0;
}

static struct phrase largest(struct analysis *a, const json_t *section)
{
    const json_t *list = json_object_get(section, "techniques");
    struct phrase parts[NAMED_MAX + 1];
    size_t n = json_array_size(list), told = 0;
    for (; told < n && told < NAMED_MAX; told++) {
        const json_t *t = json_array_get(list, told);
        parts[told] = SAY(a, M_PAIR, word_name(string_of(t, "provider")),
                          word_share(json_object_get(t, "share")));
    }
    if (n > NAMED_MAX)
        parts[told++] = SAY(a, M_MORE, word_count((double)(n - NAMED_MAX)));
    return phrase_list(a->arena, parts, told, M_COMMA, M_COMMA);
}

static void share_finding(struct analysis *a, const json_t *s, json_t *findings)
{
    const json_t *share = json_object_get(s, "share"), *at_most = json_object_get(s, "at_most");
    double ports = by_port_alone(s), high = high_of(s, "share");
    bool wide = high - low_of(s, "share") > 0.5; /* one day bounds nothing */
    bool tls = a->study->concealment != CONCEALMENT_2017;
    json_t *f = finding_new("concealment", "concealment",
                            wide          ? "low"
                            : ports > 0.5 ? "moderate"
                                          : "high");
    finding_say(f, "headline",
                SAY(a,
                    high < 0.01 ? M_CONCEALED_UNDER
                    : tls       ? M_CONCEALED_TLS
                                : M_CONCEALED,
                    word_share(share)));
    finding_say(f, "statement",
                SAY(a, tls ? M_CONCEALMENT_TLS : M_CONCEALMENT_2017, word_share(share),
                    word_units(a), word_share(json_object_get(s, "octets_share")),
                    word_count(value_of(s, "flows")), word_count(value_of(s, "local_hosts")),
                    word_count(value_of(s, "days"))));
    finding_say(f, "because", SAY(a, M_CONCEALMENT_LARGEST, word_phrase(largest(a, s))));
    finding_say(f, "because", SAY(a, M_CONCEALMENT_PORT, word_part(ports)));
    finding_say(f, "caveats", SAY(a, M_CONCEALMENT_SEEN));
    finding_say(f, "caveats",
                SAY(a, M_CONCEALMENT_DEFINITION, word_name(string_of(s, "definition")),
                    word_known(string_of(s, "definition_is"))));
    if (at_most)
        finding_say(f, "caveats", SAY(a, M_CONCEALMENT_AT_MOST, word_share(at_most)));
    finding_say(f, "alternatives", SAY(a, M_CONCEALMENT_ALTERNATIVE));
    finding_value(f, "share", share);
    finding_value(f, "octets_share", json_object_get(s, "octets_share"));
    finding_value(f, "flows", json_object_get(s, "flows"));
    finding_value(f, "at_most", at_most);
    finding_end(findings, f, json_object_get(s, "evidence"));
}

/* The relay that was used on most days. */
static void tor_finding(struct analysis *a, const json_t *t, json_t *findings)
{
    const json_t *policy = json_object_get(t, "guard_policy");
    bool normal = json_is_true(json_object_get(policy, "normal"));
    struct word days = word_count(value_of(t, "days_seen"));
    json_t *f = finding_new("tor-relay", "concealment", "moderate");
    finding_say(f, "headline",
                SAY(a, normal ? M_TOR_NORMAL_HEAD : M_TOR_ODD_HEAD,
                    word_name(string_of(t, "local")), days));
    struct phrase said =
        SAY(a, M_TOR, word_name(string_of(t, "relay")), days, word_count((double)a->days),
            word_date(string_of(t, "first")), word_date(string_of(t, "last")),
            word_count(value_of(t, "longest_run")), word_count(value_of(t, "relays_of_host")));
    finding_infer(a, f, said, SAY(a, M_TOR_INFERRED, word_known("likely")), "likely");
    finding_say(f, "because", SAY(a, normal ? M_TOR_NORMAL_BECAUSE : M_TOR_ODD_BECAUSE));
    finding_say(f, "because",
                SAY(a, M_TOR_P, word_p(value_of(json_object_get(policy, "test"), "p"))));
    finding_say(f, "caveats", SAY(a, M_TOR_CAVEAT));
    finding_say(f, "alternatives",
                SAY(a, normal ? M_TOR_NORMAL_ALTERNATIVE : M_TOR_ODD_ALTERNATIVE));
    finding_value(f, "days_seen", json_object_get(t, "days_seen"));
    finding_value(f, "longest_run", json_object_get(t, "longest_run"));
    finding_value(f, "relays_of_host", json_object_get(t, "relays_of_host"));
    finding_end(findings, f, json_object_get(t, "evidence"));
}

void concealment_findings(struct analysis *a, const json_t *section, json_t *findings)
{
    const json_t *tor = json_array_get(json_object_get(section, "tor"), 0);
    if (value_of(section, "flows") > 0)
        share_finding(a, section, findings);
    if (tor && value_of(tor, "days_seen") >= TOR_DAYS_MIN)
        tor_finding(a, tor, findings);
}
