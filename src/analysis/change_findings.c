/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences about the study's events, and about what begins, ends or changes. */
#include <math.h>
#include <string.h>

#include "analysis/findings.h"

enum { ONSETS_MAX = 4 };

static double p_of(const json_t *test, const char *window)
{
    return value_of(json_object_get(json_object_get(test, window), "test"), "p");
}

void events_findings(struct analysis *a, json_t *findings)
{
    const json_t *events = section_of(a, "events");
    const json_t *test = json_array_get(json_object_get(events, "tests"), 0);
    if (!test)
        return;
    bool moves = json_is_true(json_object_get(test, "moves"));
    const json_t *on = json_object_get(test, "on");
    const json_t *detectable = json_object_get(test, "detectable");
    struct word power = word_percent(value_of(detectable, "power"));
    json_t *f = finding_new("events", "events", "moderate");
    finding_say(f, "headline", SAY(a, moves ? M_EVENTS_MOVE_HEAD : M_EVENTS_NONE_HEAD));
    finding_say(f, "statement",
                SAY(a, moves ? M_EVENTS_MOVE : M_EVENTS_NONE,
                    word_change(json_object_get(on, "effect")),
                    word_bound(expm1(value_of(detectable, "effect"))), power));
    finding_say(f, "because",
                SAY(a, M_EVENTS_BECAUSE, word_count(value_of(test, "n")),
                    word_setting(value_of(json_object_get(on, "test"), "draws")),
                    word_p(p_of(test, "before")), word_p(p_of(test, "on")),
                    word_p(p_of(test, "after")), word_setting(1 / (double)a->days)));
    if (value_of(test, "uncertain_dates") > 0)
        finding_say(f, "caveats",
                    SAY(a, M_EVENTS_DATES, word_count(value_of(test, "uncertain_dates"))));
    finding_say(f, "caveats", SAY(a, M_EVENTS_CAVEAT));
    finding_value(f, "effect", json_object_get(on, "effect"));
    finding_value(f, "detectable", json_object_get(detectable, "effect"));
    finding_value(f, "equivalence", json_object_get(test, "equivalence"));
    finding_end(findings, f, evidence_of_use(a));
}

static struct phrase subject_phrase(struct analysis *a, const json_t *subject)
{
    const char *kind = string_of(subject, "kind"), *id = string_of(subject, "id");
    bool category = strcmp(kind, "category") == 0;
    const json_t *list = strcmp(kind, "service") == 0 ? section_of(a, "services")
                         : category                   ? section_of(a, "categories")
                                                      : NULL;
    if (strcmp(kind, "country") == 0)
        return SAY(a, M_ONSET_TRAFFIC, word_country(id));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = string_of(json_array_get(list, i), "name");
        if (strcmp(string_of(json_array_get(list, i), "id"), id) == 0)
            return SAY(a, M_ONE, category ? word_known(name) : word_name(name));
    }
    return SAY(a, M_ONE, word_name(id));
}

/* A category or country that changes on the same days as a service told before it says it again. */
static bool is_told(const json_t *onsets, size_t at)
{
    const json_t *o = json_array_get(onsets, at);
    if (strcmp(string_of(json_object_get(o, "subject"), "kind"), "service") == 0)
        return false;
    for (size_t i = 0; i < json_array_size(onsets); i++) {
        const json_t *other = json_array_get(onsets, i);
        if (i != at &&
            strcmp(string_of(json_object_get(other, "subject"), "kind"), "service") == 0 &&
            strcmp(string_of(o, "change"), string_of(other, "change")) == 0 &&
            strcmp(string_of(o, "at_low"), string_of(other, "at_high")) <= 0 &&
            strcmp(string_of(other, "at_low"), string_of(o, "at_high")) <= 0)
            return true;
    }
    return false;
}

static enum message onset_headline(const char *change)
{
    return strcmp(change, "onset") == 0  ? M_ONSET_BEGINS
           : strcmp(change, "stop") == 0 ? M_ONSET_ENDS
                                         : M_ONSET_CHANGES;
}

static void find_onset(struct analysis *a, const json_t *o, json_t *findings)
{
    const json_t *subject = json_object_get(o, "subject"), *test = json_object_get(o, "test");
    const json_t *doubling = json_object_get(o, "doubling_days");
    const char *at = string_of(o, "at"), *change = string_of(o, "change");
    struct word low = word_date(string_of(o, "at_low")), high = word_date(string_of(o, "at_high"));
    json_t *f = finding_new(
        arena_format(a->arena, "%s-%s-%s", change, string_of(subject, "id"), at), "onsets", "high");
    finding_say(
        f, "headline",
        SAY(a, onset_headline(change), word_phrase(subject_phrase(a, subject)), word_date(at)));
    struct phrase when = strcmp(low.text, high.text) == 0
                             ? SAY(a, M_ONSET_DAY, word_date(at))
                             : SAY(a, M_ONSET_DAYS, low, high, word_date(at));
    finding_say(f, "statement",
                SAY(a, M_ONSET, word_phrase(when), word_mean(json_object_get(o, "before")),
                    word_mean(json_object_get(o, "after"))));
    finding_say(f, "because",
                SAY(a, M_ONSET_BECAUSE, word_p(value_of(test, "p")),
                    word_setting(value_of(test, "budget"))));
    if (json_is_object(doubling))
        finding_say(f, "because", SAY(a, M_ONSET_DOUBLING, word_mean(doubling)));
    finding_say(f, "alternatives", SAY(a, M_ONSET_ALTERNATIVE));
    finding_value(f, "before", json_object_get(o, "before"));
    finding_value(f, "after", json_object_get(o, "after"));
    finding_end(findings, f, json_object_get(o, "evidence"));
}

/* Nothing found, with what would have been. */
static void find_no_onset(struct analysis *a, json_t *findings)
{
    const json_t *watch = section_of(a, "onsets_watch");
    const json_t *seen = json_object_get(watch, "detectable");
    if (!json_is_number(json_object_get(seen, "onset_a_day")))
        return;
    json_t *f = finding_new("onsets-none", "onsets", "moderate");
    finding_say(f, "headline", SAY(a, M_ONSETS_NONE_HEAD));
    finding_say(f, "statement",
                SAY(a, M_ONSETS_NONE, word_count(value_of(watch, "series_in_all")),
                    word_setting(value_of(watch, "factor")),
                    word_setting(value_of(seen, "onset_a_day")),
                    word_percent(value_of(seen, "power"))));
    finding_say(f, "because",
                SAY(a, M_ONSETS_NONE_BECAUSE, word_setting(value_of(watch, "budget"))));
    finding_value(f, "onset_a_day", json_object_get(seen, "onset_a_day"));
    finding_end(findings, f, evidence_of_use(a));
}

void onsets_findings(struct analysis *a, json_t *findings)
{
    const json_t *onsets = section_of(a, "onsets");
    if (json_is_array(onsets) && json_array_size(onsets) == 0)
        find_no_onset(a, findings);
    size_t told = 0;
    for (size_t i = 0; i < json_array_size(onsets) && told < ONSETS_MAX; i++)
        if (!is_told(onsets, i)) {
            find_onset(a, json_array_get(onsets, i), findings);
            told++;
        }
}
