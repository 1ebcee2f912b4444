/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences about countries. What stands out is inferred, and so has a likelihood. */
#include <string.h>

#include "analysis/findings.h"

enum { FLAGGED_MAX = 12, LISTED = 5, CORRECTED_MAX = 2 };

static void say_baseline(struct analysis *a, json_t *f, const json_t *presence)
{
    const json_t *baseline = json_object_get(presence, "baseline");
    struct phrase said = SAY(a, M_PRESENCE_BASELINE,
                             strcmp(string_of(baseline, "kind"), "default") == 0
                                 ? word_known(string_of(baseline, "name"))
                                 : word_name(string_of(baseline, "name")));
    if (strcmp(string_of(baseline, "kind"), "default") == 0)
        said =
            SAY(a, M_SENTENCES, word_phrase(said), word_phrase(SAY(a, M_PRESENCE_BASELINE_HABITS)));
    finding_say(f, "caveats", said);
}

static void find_flagged(struct analysis *a, const json_t *presence, const json_t *c,
                         json_t *findings)
{
    const char *code = string_of(c, "country");
    const json_t *institutions = json_object_get(c, "institutions");
    bool weighed = strcmp(string_of(json_object_get(presence, "baseline"), "kind"), "default") != 0;
    bool firm = low_of(c, "shrunk_ratio") > 4 && json_array_size(institutions) >= 3;
    const char *likelihood = weighed ? "very likely" : "likely";
    json_t *f = finding_new(arena_format(a->arena, "presence-%s", code), "presence",
                            weighed || firm ? "moderate" : "low");
    json_object_set_new(f, "likelihood", json_string(likelihood));
    finding_say(f, "headline", SAY(a, M_PRESENCE_HEAD, word_country(code)));
    finding_say(f, "statement",
                SAY(a, M_PRESENCE, word_country(code), word_share(json_object_get(c, "share")),
                    word_units(a), word_percent(value_of(c, "expected")), word_known(likelihood)));
    finding_say(f, "because",
                SAY(a, M_PRESENCE_ADJUSTED, word_mean(json_object_get(c, "ratio_adjusted")),
                    word_mean(json_object_get(c, "shrunk_ratio"))));
    if (json_array_size(institutions) > 0) {
        const json_t *first = json_array_get(institutions, 0);
        finding_say(f, "because",
                    SAY(a, M_PRESENCE_INSTITUTIONS, word_name(string_of(first, "name")),
                        word_known(string_of(first, "kind")), word_count(value_of(first, "flows")),
                        word_count(value_of(first, "days"))));
    }
    say_baseline(a, f, presence);
    finding_say(f, "alternatives", SAY(a, M_PRESENCE_SERVERS));
    finding_say(f, "alternatives", SAY(a, M_PRESENCE_RELAY));
    finding_value(f, "share", json_object_get(c, "share"));
    finding_value(f, "ratio", json_object_get(c, "ratio"));
    finding_value(f, "ratio_adjusted", json_object_get(c, "ratio_adjusted"));
    finding_value(f, "q", json_object_get(json_object_get(c, "test"), "q"));
    finding_end(findings, f, json_object_get(c, "evidence"));
}

/* A large share that is not a sign of presence: most of it goes to services that are popular
 * wherever the population goes, and what is left is no more than expected. */
static bool rests_on_popular(const json_t *c)
{
    const double large = 0.05, most = 0.7;
    return !json_is_true(json_object_get(c, "flagged")) && value_of(c, "share") >= large &&
           json_is_object(json_object_get(c, "ratio_adjusted")) &&
           high_of(c, "ratio_adjusted") <= 1 &&
           value_of(c, "ratio_adjusted") < most * value_of(c, "ratio");
}

static void find_corrected(struct analysis *a, const json_t *presence, const json_t *c,
                           json_t *findings)
{
    const char *code = string_of(c, "country");
    json_t *f = finding_new(arena_format(a->arena, "popular-%s", code), "presence", "moderate");
    finding_say(f, "headline", SAY(a, M_POPULAR_HEAD, word_country(code)));
    finding_say(f, "statement",
                SAY(a, M_POPULAR, word_country(code), word_share(json_object_get(c, "share")),
                    word_units(a), word_mean(json_object_get(c, "ratio_adjusted"))));
    finding_say(f, "because", SAY(a, M_POPULAR_BECAUSE));
    say_baseline(a, f, presence);
    finding_value(f, "share", json_object_get(c, "share"));
    finding_value(f, "ratio_adjusted", json_object_get(c, "ratio_adjusted"));
    finding_end(findings, f, json_object_get(c, "evidence"));
}

/* That nothing stands out is said only with what could have been missed, and not where that is
 * much: on a few days nothing could have stood out. */
static void find_none(struct analysis *a, const json_t *presence, json_t *findings)
{
    enum { DAYS_LEAST = 7, RATIO_MOST = 4 };
    const double expected_least = 0.01;
    const json_t *countries = json_object_get(presence, "countries"), *widest = NULL;
    for (size_t i = 0; i < json_array_size(countries); i++) {
        const json_t *c = json_array_get(countries, i);
        if (value_of(c, "expected") >= expected_least &&
            (!widest || high_of(c, "ratio_adjusted") > high_of(widest, "ratio_adjusted")))
            widest = c;
    }
    if (days_compared(a) < DAYS_LEAST || !widest || high_of(widest, "ratio_adjusted") > RATIO_MOST)
        return;
    const json_t *ratio = json_object_get(widest, "ratio_adjusted");
    json_t *f = finding_new("presence-none", "presence", "moderate");
    finding_say(f, "headline", SAY(a, M_PRESENCE_NONE_HEAD));
    finding_say(f, "statement",
                SAY(a, M_PRESENCE_NONE, word_percent(expected_least),
                    word_country(string_of(widest, "country")), word_mean(ratio)));
    finding_say(f, "because", SAY(a, M_PRESENCE_NONE_BECAUSE));
    finding_say(f, "because",
                SAY(a, M_PRESENCE_NONE_MISSED, word_figure(high_of(widest, "ratio_adjusted"))));
    say_baseline(a, f, presence);
    finding_value(f, "highest_ratio", ratio);
    finding_end(findings, f, evidence_of_use(a));
}

static void find_countries(struct analysis *a, const json_t *countries, json_t *findings)
{
    const json_t *one = json_array_get(countries, 0);
    struct phrase listed[LISTED];
    size_t n = 0;
    json_t *f = finding_new("countries", "presence", "high");
    for (; n < LISTED && n < json_array_size(countries); n++) {
        const json_t *c = json_array_get(countries, n);
        listed[n] = SAY(a, M_PAIR, word_country(string_of(c, "country")),
                        word_share(json_object_get(c, "share")));
        finding_value(f, string_of(c, "country"), json_object_get(c, "share"));
    }
    finding_say(f, "headline",
                SAY(a, value_of(one, "share") > 0.5 ? M_COUNTRIES_MOST : M_COUNTRIES_MORE,
                    word_units(a), word_country(string_of(one, "country"))));
    finding_say(
        f, "statement",
        SAY(a, M_COUNTRIES, word_phrase(phrase_list(a->arena, listed, n, M_COMMA, M_COMMA))));
    finding_say(f, "because", SAY(a, M_COUNTRIES_BECAUSE));
    finding_say(f, "caveats", SAY(a, M_COUNTRIES_CAVEAT));
    finding_end(findings, f, evidence_of_use(a));
}

void presence_findings(struct analysis *a, json_t *findings)
{
    const json_t *presence = section_of(a, "presence");
    const json_t *countries = json_object_get(presence, "countries");
    size_t flagged = 0, corrected = 0;
    if (json_array_size(countries) == 0)
        return;
    find_countries(a, countries, findings);
    for (size_t i = 0; i < json_array_size(countries); i++) {
        const json_t *c = json_array_get(countries, i);
        if (json_is_true(json_object_get(c, "flagged")) && flagged++ < FLAGGED_MAX)
            find_flagged(a, presence, c, findings);
    }
    for (size_t i = 1; i < LISTED; i++) { /* the first is told of above */
        const json_t *c = json_array_get(countries, i);
        if (c && rests_on_popular(c) && corrected++ < CORRECTED_MAX)
            find_corrected(a, presence, c, findings);
    }
    if (flagged == 0)
        find_none(a, presence, findings);
}
