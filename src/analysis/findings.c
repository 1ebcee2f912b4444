/* SPDX-License-Identifier: Apache-2.0 */
/* What the sections say, in sentences. A rule reads the finished sections, so a finding can hold no
 * number that the model does not. Likelihood words are ICD 203's and only where something is
 * inferred; a measurement has none. Confidence is a field of its own and in no sentence. */
#include <math.h>
#include <string.h>

#include "analysis/concealment.h"
#include "analysis/section.h"

enum { RANKED = 8, PRESENCE_MAX = 4, CATEGORIES_MAX = 3, ONSETS_MAX = 4 };

static double value_of(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    return json_number_value(json_is_object(v) ? json_object_get(v, "value") : v);
}

static double low_of(const json_t *j, const char *key)
{
    return json_number_value(json_object_get(json_object_get(j, key), "low"));
}

static double high_of(const json_t *j, const char *key)
{
    return json_number_value(json_object_get(json_object_get(j, key), "high"));
}

static const char *string_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

static const json_t *section_of(struct analysis *a, const char *name)
{
    const json_t *s = json_object_get(a->model, name);
    return json_object_get(s, "unsupported") ? NULL : s;
}

static json_t *finding_new(const char *id, const char *section, const char *headline,
                           const char *statement, const char *confidence)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:n, s:s, s:[], s:[], s:[], s:{}}", "id", id, "section",
                     section, "headline", headline, "statement", statement, "likelihood",
                     "confidence", confidence, "because", "caveats", "alternatives", "values");
}

static void add_text(json_t *finding, const char *list, const char *text)
{
    json_array_append_new(json_object_get(finding, list), json_string(text));
}

static void add_value(json_t *finding, const char *name, const json_t *value)
{
    json_object_set(json_object_get(finding, "values"), name, (json_t *)value);
}

static void finish(json_t *findings, json_t *finding, const json_t *evidence)
{
    json_object_set(finding, "evidence", (json_t *)evidence);
    json_array_append_new(findings, finding);
}

/* What shares are of, in words. */
static const char *units(const struct analysis *a)
{
    return a->measure == MEASURE_FLOWS     ? "conversations"
           : a->measure == MEASURE_PACKETS ? "packets"
                                           : "octets";
}

/* Everything that rests on days says so where days carry little. */
static void add_days_caveat(struct analysis *a, json_t *finding)
{
    const json_t *usage = json_object_get(json_object_get(a->model, "totals"), "usage");
    double effective = value_of(usage, "days_effective");
    double days = value_of(json_object_get(a->model, "fidelity"), "days_used");
    if (effective > 0 && (effective < 8 || value_of(usage, "day_to_day_correlation") > 0.7))
        add_text(finding, "caveats",
                 arena_format(a->arena,
                              "Days resemble their neighbours: the %.0f days used tell about as "
                              "much as %s, and the intervals are that wide.",
                              days,
                              effective < 1.5
                                  ? "a single one"
                                  : arena_format(a->arena, "%.0f independent ones", effective)));
}

/* "1 address", "2 addresses". */
static const char *counted(struct analysis *a, double n, const char *one, const char *many)
{
    return arena_format(a->arena, "%s %s", text_count(a, n), n == 1 ? one : many);
}

static const char *conversations(struct analysis *a, double n)
{
    return counted(a, n, "conversation", "conversations");
}

static const char *addresses(struct analysis *a, double n)
{
    return counted(a, n, "address", "addresses");
}

static const char *days_of(struct analysis *a, double n)
{
    return counted(a, n, "day", "days");
}

/* Days that shares are taken over: used, and not without use. */
static size_t days_compared(const struct analysis *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->days; i++)
        n += a->used[i] && a->usage[i].flows > 0;
    return n;
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
        json_object_set_new(
            finding, "headline",
            json_string(arena_format(a->arena, "%s, on one day", string_of(finding, "headline"))));
    add_text(finding, "caveats",
             single ? "It rests on one day, which tells nothing of how days differ."
                    : "The interval is wider than half of what a share can be.");
}

/* Nothing of the population in the period: what was imported instead tells why. */
static void find_nothing(struct analysis *a, json_t *findings)
{
    const json_t *sources = json_object_get(section_of(a, "provenance"), "sources");
    const char *first = "", *last = "";
    double records = 0, kept = 0, outside = 0;
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *s = json_array_get(sources, i);
        records += value_of(s, "records");
        kept += value_of(s, "kept");
        outside += value_of(s, "outside");
        if (string_of(s, "first")[0] && (!first[0] || strcmp(string_of(s, "first"), first) < 0))
            first = string_of(s, "first");
        if (strcmp(string_of(s, "last"), last) > 0)
            last = string_of(s, "last");
    }
    const char *from = string_of(section_of(a, "study"), "from");
    const char *to = string_of(section_of(a, "study"), "to");
    const char *when = first[0] ? arena_format(a->arena, ", from %s to %s", first, last) : "";
    json_t *f = finding_new(
        "nothing", "totals", "No conversation of the population lies in this period",
        json_array_size(sources) == 0
            ? arena_format(a->arena, "Nothing is imported. The period is %s to %s.", from, to)
            : arena_format(a->arena,
                           "Imported: %s of %s, %s outside the population and %s kept%s. The "
                           "period is %s to %s.",
                           counted(a, records, "record", "records"),
                           counted(a, (double)json_array_size(sources), "source", "sources"),
                           text_count(a, outside), text_count(a, kept), when, from, to),
        "high");
    add_text(f, "because", "Counted from the records, not estimated.");
    add_text(f, "alternatives", "The study's prefixes, period or time zone are not the data's.");
    json_object_set_new(json_object_get(f, "values"), "records", count_json(records));
    json_object_set_new(json_object_get(f, "values"), "outside", count_json(outside));
    json_object_set_new(json_object_get(f, "values"), "kept", count_json(kept));
    finish(findings, f, json_object_get(section_of(a, "totals"), "evidence"));
}

static void find_totals(struct analysis *a, json_t *findings)
{
    const json_t *t = section_of(a, "totals"), *usage = json_object_get(t, "usage");
    double flows = value_of(usage, "flows"), hosts = value_of(t, "local_hosts");
    const char *days = days_of(a, value_of(usage, "days"));
    if (flows <= 0)
        return;
    json_t *f = finding_new(
        "use", "totals",
        arena_format(a->arena, "%s by %s on %s", conversations(a, flows), addresses(a, hosts),
                     days),
        arena_format(a->arena,
                     "In the study's %s the telemetry holds %s that the population opened or "
                     "shared as a peer, by %s of its own with %s outside.",
                     days_of(a, (double)a->days), conversations(a, flows), addresses(a, hosts),
                     addresses(a, value_of(t, "remote_hosts"))),
        "high");
    add_text(f, "because", "Counted from the records, not estimated.");
    add_text(f, "caveats",
             "An address is not a person: several people may share one, and one "
             "person may use several.");
    add_value(f, "flows", json_object_get(usage, "flows"));
    add_value(f, "local_hosts", json_object_get(t, "local_hosts"));
    add_value(f, "remote_hosts", json_object_get(t, "remote_hosts"));
    finish(findings, f, json_object_get(usage, "evidence"));
}

static void find_first_service(struct analysis *a, json_t *findings)
{
    const json_t *services = section_of(a, "services");
    const json_t *one = json_array_get(services, 0), *two = json_array_get(services, 1);
    if (!one)
        return;
    bool sure = value_of(one, "rank_high") == 1;
    const char *name = string_of(one, "name"),
               *share = text_share(a, json_object_get(one, "share"));
    const char *second =
        two ? arena_format(a->arena, " %s follows with %s.", string_of(two, "name"),
                           text_share(a, json_object_get(two, "share")))
            : "";
    json_t *f = finding_new("service-first", "services",
                            sure ? arena_format(a->arena, "%s is the most used service", name)
                                 : arena_format(a->arena, "%s leads, within the uncertainty", name),
                            arena_format(a->arena, "%s makes up %s of the population's %s.%s", name,
                                         share, units(a), second),
                            sure ? "high" : "moderate");
    double named = value_of(json_object_get(one, "basis"), "name");
    add_text(f, "because",
             arena_format(a->arena, "%s of its conversations carry the server's name.",
                          text_percent(a, named / value_of(one, "flows"))));
    if (two)
        add_text(f, "because",
                 sure ? "The distance to every other service is larger than its uncertainty, all "
                        "comparisons taken together."
                      : "The distance to the next is within its uncertainty.");
    if (value_of(one, "ambiguous_share") > 0)
        add_text(f, "caveats",
                 arena_format(a->arena, "%s of them could also belong to another service.",
                              text_percent(a, value_of(one, "ambiguous_share"))));
    add_days_caveat(a, f);
    add_value(f, "share", json_object_get(one, "share"));
    if (two)
        add_value(f, "second_share", json_object_get(two, "share"));
    finish(findings, f, json_object_get(one, "evidence"));
}

static void find_ranking(struct analysis *a, json_t *findings)
{
    const json_t *services = section_of(a, "services"), *s;
    size_t i, n = json_array_size(services), firm = 0;
    struct buf names;
    double share = 0;
    if (n < 3)
        return;
    n = n < RANKED ? n : RANKED;
    buf_init(&names, 4096);
    json_t *values = json_object();
    for (i = 0; i < n; i++) {
        s = json_array_get(services, i);
        buf_format(&names, "%s%s", i == 0 ? "" : i + 1 == n ? " and " : ", ", string_of(s, "name"));
        share += value_of(s, "share");
        firm +=
            value_of(s, "rank_low") == (double)i + 1 && value_of(s, "rank_high") == (double)i + 1;
        json_object_set(values, string_of(s, "id"), json_object_get(s, "share"));
    }
    json_t *f = finding_new("service-ranking", "services",
                            arena_format(a->arena, "The %zu most used services are %s of all use",
                                         n, text_percent(a, share)),
                            arena_format(a->arena, "By %s, in order: %s.", units(a), names.at),
                            firm == n ? "high" : "moderate");
    add_text(f, "because",
             arena_format(a->arena,
                          "%zu of these %zu ranks hold against every other, all "
                          "comparisons taken together.",
                          firm, n));
    const json_t *open = json_object_get(section_of(a, "totals"), "unattributed");
    if (json_is_object(open))
        add_text(f, "caveats",
                 arena_format(a->arena, "%s of the %s could not be given to any service.",
                              text_percent(a, value_of(open, "share")), units(a)));
    json_object_set_new(f, "values", values);
    finish(findings, f, json_object_get(json_object_get(a->model, "activity"), "evidence"));
    buf_done(&names);
}

/* The fewest categories, at most three, that are over half of all use. */
static void find_categories(struct analysis *a, json_t *findings)
{
    const json_t *list = section_of(a, "categories");
    struct amounts *cells = arena_array(a->arena, a->days + 1, sizeof(*cells));
    struct buf names, filter;
    double flows = 0, share = 0;
    size_t i;
    buf_init(&names, 1024);
    buf_init(&filter, 1024);
    for (i = 0; i < json_array_size(list) && i < CATEGORIES_MAX && share < 0.5; i++) {
        const json_t *c = json_array_get(list, i);
        const char *id = string_of(c, "id");
        if (strcmp(id, "unknown") == 0)
            break;
        size_t row =
            table_row(&a->categories, symbols_find(a->symbols, SYMBOL_CATEGORY, id, strlen(id)));
        for (size_t d = 0; d < a->days; d++)
            amounts_add(&cells[d], &a->categories.cells[row * a->days + d]);
        buf_format(&names, "%s%s", i == 0 ? "" : " and ", string_of(c, "name"));
        buf_format(&filter, "%scategory %s", i == 0 ? "" : " or ", filter_word(a, id));
        flows += value_of(c, "flows");
        share += value_of(c, "share");
    }
    if (share >= 0.5) {
        struct estimate e = share_of_days(a, cells, a->usage, a->measure);
        json_t *all = estimate_json(&e);
        json_t *f = finding_new(
            "categories", "categories",
            arena_format(a->arena, "%s: %s of all use", names.at, text_percent(a, e.value)),
            arena_format(a->arena, "%s %s %s of the population's %s.", names.at,
                         i > 1 ? "together make up" : "makes up", text_share(a, all), units(a)),
            "high");
        add_text(f, "because", "Each conversation counts for the category of its service.");
        add_text(f, "caveats", "A service has one category: what was done with it is not seen.");
        add_days_caveat(a, f);
        add_value(f, "share", all);
        for (size_t k = 0; k < i; k++)
            add_value(f, string_of(json_array_get(list, k), "id"),
                      json_object_get(json_array_get(list, k), "share"));
        json_t *evidence = evidence_json(
            a,
            arena_format(a->arena, i > 1 ? "(%s) and " USAGE_FILTER : "%s and " USAGE_FILTER,
                         filter.at),
            flows);
        finish(findings, f, evidence);
        json_decref(evidence);
        json_decref(all);
    }
    buf_done(&names);
    buf_done(&filter);
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
    struct amounts *cells = arena_array(a->arena, a->days + 1, sizeof(*cells));
    struct buf filter;
    double flows = 0;
    size_t parts = 0;
    buf_init(&filter, 1024);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        const char *id = string_of(c, "id");
        if (!is_entertainment(id))
            continue;
        size_t row =
            table_row(&a->categories, symbols_find(a->symbols, SYMBOL_CATEGORY, id, strlen(id)));
        for (size_t d = 0; d < a->days; d++)
            amounts_add(&cells[d], &a->categories.cells[row * a->days + d]);
        buf_format(&filter, "%scategory %s", parts++ ? " or " : "", filter_word(a, id));
        flows += value_of(c, "flows");
    }
    if (parts > 0 && a->usage_total.octets > 0) {
        struct estimate octets = share_of_days(a, cells, a->usage, MEASURE_OCTETS);
        struct estimate of_flows = share_of_days(a, cells, a->usage, MEASURE_FLOWS);
        json_t *j = estimate_json(&octets), *k = estimate_json(&of_flows);
        json_t *f = finding_new(
            "entertainment", "categories",
            arena_format(a->arena, "Games and streaming are %s of the volume",
                         text_percent(a, octets.value)),
            arena_format(a->arena,
                         "Games, video and music make up %s of the octets, and %s of the "
                         "conversations.",
                         text_share(a, j), text_share(a, k)),
            "high");
        add_text(f, "because", "Each conversation counts for the category of its service.");
        add_text(f, "caveats", "A service has one category: what was done with it is not seen.");
        add_value(f, "octets_share", j);
        add_value(f, "share", k);
        json_t *evidence =
            evidence_json(a, arena_format(a->arena, "(%s) and " USAGE_FILTER, filter.at), flows);
        finish(findings, f, evidence);
        json_decref(evidence);
        json_decref(j);
        json_decref(k);
    }
    buf_done(&filter);
}

/* Services that a stated policy forbids, and that are used. */
static void find_policies(struct analysis *a, json_t *findings)
{
    const json_t *list = section_of(a, "policies");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i), *subject = NULL;
        const char *id = string_of(p, "service");
        const json_t *services = section_of(a, "services");
        for (size_t k = 0; k < json_array_size(services); k++)
            if (strcmp(string_of(json_array_get(services, k), "id"), id) == 0)
                subject = json_array_get(services, k);
        if (!subject || value_of(p, "flows") <= 0)
            continue;
        const char *name = string_of(subject, "name");
        json_t *f = finding_new(
            arena_format(a->arena, "policy-%s", id), "policies",
            arena_format(a->arena, "%s is used in spite of a stated block", name),
            arena_format(
                a->arena, "%s with %s on %s by %s fall into the time for which a block is stated.",
                conversations(a, value_of(p, "flows")), name, days_of(a, value_of(p, "days")),
                addresses(a, value_of(subject, "local_hosts"))),
            "high");
        add_text(f, "because", arena_format(a->arena, "The block: %s.", string_of(p, "source")));
        add_text(f, "alternatives", "The block may exempt these users, or end where they connect.");
        add_value(f, "flows", json_object_get(p, "flows"));
        finish(findings, f, json_object_get(p, "evidence"));
    }
}

static void find_busy(struct analysis *a, json_t *findings)
{
    const json_t *busy = json_object_get(section_of(a, "rhythm"), "busy");
    if (!json_object_get(busy, "from_hour"))
        return;
    const char *from = text_hour(a, value_of(busy, "from_hour"));
    const char *to = text_hour(a, value_of(busy, "to_hour"));
    const json_t *contrast = json_object_get(busy, "contrast");
    bool firm = low_of(busy, "contrast") > 1 && value_of(busy, "found_share") >= 0.5;
    json_t *f = finding_new(
        "busy-hours", "rhythm", arena_format(a->arena, "Busy from %s to %s local time", from, to),
        contrast ? arena_format(a->arena,
                                "On Monday to Friday an hour between %s and %s (%s) holds %.3g "
                                "times the activity of the other hours (95%% interval %.3g to "
                                "%.3g).",
                                from, to, a->study->timezone, value_of(busy, "contrast"),
                                low_of(busy, "contrast"), high_of(busy, "contrast"))
                 : arena_format(a->arena,
                                "On Monday to Friday all activity lies between %s and %s (%s).",
                                from, to, a->study->timezone),
        firm ? "high" : "moderate");
    add_text(f, "because",
             arena_format(a->arena,
                          "Of the weeks drawn again from the days, %s give exactly these "
                          "half hours.",
                          text_percent(a, value_of(busy, "found_share"))));
    add_text(f, "alternatives", "Machines that work by a timetable would look alike.");
    add_value(f, "from_hour", json_object_get(busy, "from_hour"));
    add_value(f, "to_hour", json_object_get(busy, "to_hour"));
    if (contrast)
        add_value(f, "contrast", contrast);
    finish(findings, f, json_object_get(json_object_get(a->model, "activity"), "evidence"));
}

static const json_t *weekday_of_rank(const json_t *weekdays, int rank)
{
    for (size_t i = 0; i < json_array_size(weekdays); i++)
        if (value_of(json_array_get(weekdays, i), "rank") == rank)
            return json_array_get(weekdays, i);
    return NULL;
}

static void find_weekdays(struct analysis *a, json_t *findings)
{
    const json_t *weekdays = json_object_get(section_of(a, "rhythm"), "weekdays");
    const json_t *one = weekday_of_rank(weekdays, 1), *two = weekday_of_rank(weekdays, 2);
    const json_t *three = weekday_of_rank(weekdays, 3), *last = weekday_of_rank(weekdays, 7);
    if (!one || !two || !three || !last || value_of(last, "days") < 2)
        return;
    bool tops = value_of(three, "rank_low") > 2,
         ends = value_of(one, "rank_high") < value_of(last, "rank_low");
    double day = value_of(one, "mean"), least = value_of(last, "mean");
    json_t *f = finding_new(
        "weekdays", "rhythm",
        arena_format(a->arena,
                     tops || ends ? "%s and %s are the busiest days"
                                  : "%s and %s lead the week, "
                                    "within the uncertainty",
                     string_of(one, "day"), string_of(two, "day")),
        arena_format(a->arena,
                     "A %s holds %s %s in the mean (95%% interval %s to %s) and a %s %s (%s to "
                     "%s); a %s holds %s, the fewest.",
                     string_of(one, "day"), text_count(a, day), units(a),
                     text_count(a, low_of(one, "mean")), text_count(a, high_of(one, "mean")),
                     string_of(two, "day"), text_count(a, value_of(two, "mean")),
                     text_count(a, low_of(two, "mean")), text_count(a, high_of(two, "mean")),
                     string_of(last, "day"), text_count(a, least)),
        tops   ? "high"
        : ends ? "moderate"
               : "low");
    add_text(f, "because",
             arena_format(a->arena, "%.0f days of the first and %.0f of the last are compared; %s.",
                          value_of(one, "days"), value_of(last, "days"),
                          tops   ? "both lie above every other day by more than the uncertainty"
                          : ends ? "the first and the last differ by more than the uncertainty, "
                                   "neighbours in the order need not"
                                 : "no two days differ by more than the uncertainty"));
    for (size_t i = 0; i < json_array_size(weekdays); i++)
        add_value(f, string_of(json_array_get(weekdays, i), "day"),
                  json_object_get(json_array_get(weekdays, i), "mean"));
    finish(findings, f, json_object_get(json_object_get(a->model, "activity"), "evidence"));
}

static const char *offset_text(struct analysis *a, double minutes)
{
    int m = (int)lround(fabs(minutes));
    return arena_format(a->arena, "UTC%c%02d:%02d", minutes < 0 ? '-' : '+', m / 60, m % 60);
}

static void find_zone(struct analysis *a, json_t *findings)
{
    const json_t *offset = json_object_get(section_of(a, "rhythm"), "utc_offset");
    if (!json_object_get(offset, "minutes"))
        return;
    double declared = value_of(offset, "declared_minutes"), low = value_of(offset, "low");
    double high = value_of(offset, "high");
    bool agrees = remainder(declared - (low + high) / 2, 1440) <= (high - low) / 2 &&
                  remainder(declared - (low + high) / 2, 1440) >= -(high - low) / 2;
    json_t *f = finding_new(
        "clock", "rhythm",
        agrees ? "The population lives by the declared time zone"
               : "The population's day does not fit the declared time zone",
        arena_format(a->arena,
                     "The busy hours place the population at %s (between %s and %s); the study "
                     "declares %s.",
                     offset_text(a, value_of(offset, "minutes")), offset_text(a, low),
                     offset_text(a, high), offset_text(a, declared)),
        agrees ? "moderate" : "low");
    add_text(f, "because", arena_format(a->arena, "Method: %s.", string_of(offset, "method")));
    add_text(f, "caveats",
             "People who work at night, or for another zone's customers, would be "
             "placed elsewhere.");
    add_value(f, "minutes", json_object_get(offset, "minutes"));
    add_value(f, "low", json_object_get(offset, "low"));
    add_value(f, "high", json_object_get(offset, "high"));
    add_value(f, "declared_minutes", json_object_get(offset, "declared_minutes"));
    finish(findings, f, json_object_get(json_object_get(a->model, "activity"), "evidence"));
}

static void find_events(struct analysis *a, json_t *findings)
{
    const json_t *events = section_of(a, "events");
    const json_t *test = json_array_get(json_object_get(events, "tests"), 0);
    if (!test)
        return;
    bool moves = json_is_true(json_object_get(test, "moves"));
    const json_t *on = json_object_get(test, "on"),
                 *detectable = json_object_get(test, "detectable");
    json_t *f = finding_new("events", "events",
                            moves ? "Activity differs around the study's events"
                                  : "Activity does not tell the study's events",
                            string_of(events, "verdict"), "moderate");
    add_text(f, "because",
             arena_format(a->arena,
                          "%.0f days with events against %zu circular shifts of the "
                          "weekday-adjusted days: p %.3g before, %.3g on, %.3g after (the least "
                          "that so many shifts can give is %.3g).",
                          value_of(test, "n"), a->days - 1,
                          value_of(json_object_get(json_object_get(test, "before"), "test"), "p"),
                          value_of(json_object_get(on, "test"), "p"),
                          value_of(json_object_get(json_object_get(test, "after"), "test"), "p"),
                          1 / (double)a->days));
    if (value_of(test, "uncertain_dates") > 0)
        add_text(f, "caveats",
                 arena_format(a->arena, "%.0f of the events are dated to the day or worse.",
                              value_of(test, "uncertain_dates")));
    add_text(f, "caveats",
             "Only all activity together and its days are tested; single hosts or "
             "services may still react.");
    add_value(f, "effect", json_object_get(on, "effect"));
    add_value(f, "detectable", json_object_get(detectable, "effect"));
    add_value(f, "equivalence", json_object_get(test, "equivalence"));
    finish(findings, f, json_object_get(json_object_get(a->model, "activity"), "evidence"));
}

static const char *subject_name(struct analysis *a, const json_t *subject)
{
    const char *kind = string_of(subject, "kind"), *id = string_of(subject, "id");
    const json_t *list = strcmp(kind, "service") == 0    ? section_of(a, "services")
                         : strcmp(kind, "category") == 0 ? section_of(a, "categories")
                                                         : NULL;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(string_of(json_array_get(list, i), "id"), id) == 0)
            return string_of(json_array_get(list, i), "name");
    if (strcmp(kind, "country") == 0)
        return arena_format(a->arena, "Traffic with %s", country_name(country_code(id)));
    return id;
}

/* A category or country that changes on the same days as a service told before it says it again. */
static bool is_told(const json_t *onsets, size_t at)
{
    const json_t *o = json_array_get(onsets, at);
    for (size_t i = 0; i < json_array_size(onsets); i++) {
        const json_t *other = json_array_get(onsets, i),
                     *subject = json_object_get(other, "subject");
        if (i != at && strcmp(string_of(subject, "kind"), "service") == 0 &&
            strcmp(string_of(json_object_get(o, "subject"), "kind"), "service") != 0 &&
            strcmp(string_of(o, "change"), string_of(other, "change")) == 0 &&
            strcmp(string_of(o, "at_low"), string_of(other, "at_high")) <= 0 &&
            strcmp(string_of(other, "at_low"), string_of(o, "at_high")) <= 0)
            return true;
    }
    return false;
}

static void find_onset(struct analysis *a, const json_t *o, json_t *findings)
{
    static const char *const verbs[3][2] = {
        {"onset", "begins"}, {"stop", "stops"}, {"shift", "changes its level"}};
    const char *name = subject_name(a, json_object_get(o, "subject")), *verb = "";
    const char *at = string_of(o, "at"), *low = string_of(o, "at_low");
    const char *high = string_of(o, "at_high");
    for (int i = 0; i < 3; i++)
        if (strcmp(verbs[i][0], string_of(o, "change")) == 0)
            verb = verbs[i][1];
    const char *dated = strcmp(low, high) == 0
                            ? ""
                            : arena_format(a->arena, " (95%% interval %s to %s)", low, high);
    json_t *f = finding_new(
        arena_format(a->arena, "%s-%s-%s", string_of(o, "change"),
                     string_of(json_object_get(o, "subject"), "id"), at),
        "onsets", arena_format(a->arena, "%s %s on %s", name, verb, at),
        arena_format(a->arena,
                     "%s %s on %s%s: from %.3g conversations a day (%.3g to %.3g) to %.3g (%.3g to "
                     "%.3g).",
                     name, verb, at, dated, value_of(o, "before"), low_of(o, "before"),
                     high_of(o, "before"), value_of(o, "after"), low_of(o, "after"),
                     high_of(o, "after")),
        "high");
    add_text(f, "because",
             arena_format(a->arena,
                          "p %.2g, where the study's error budget allows %.2g for each "
                          "series watched.",
                          value_of(json_object_get(o, "test"), "p"),
                          value_of(json_object_get(o, "test"), "budget")));
    if (json_is_object(json_object_get(o, "doubling_days")))
        add_text(f, "because",
                 arena_format(a->arena, "After it the count doubles every %.1f days.",
                              value_of(o, "doubling_days")));
    add_text(f, "alternatives",
             "A change of the service's addresses or names that the catalogue "
             "knows only in part.");
    add_value(f, "before", json_object_get(o, "before"));
    add_value(f, "after", json_object_get(o, "after"));
    finish(findings, f, json_object_get(o, "evidence"));
}

static void find_onsets(struct analysis *a, json_t *findings)
{
    const json_t *onsets = section_of(a, "onsets");
    size_t told = 0;
    for (size_t i = 0; i < json_array_size(onsets) && told < ONSETS_MAX; i++)
        if (!is_told(onsets, i)) {
            find_onset(a, json_array_get(onsets, i), findings);
            told++;
        }
}

static void find_flagged(struct analysis *a, const json_t *presence, const json_t *c,
                         json_t *findings)
{
    const char *name = string_of(c, "name"), *code = string_of(c, "country");
    const json_t *baseline = json_object_get(presence, "baseline");
    bool table = strcmp(string_of(baseline, "kind"), "table") == 0;
    bool firm =
        low_of(c, "shrunk_ratio") > 4 && json_array_size(json_object_get(c, "institutions")) >= 3;
    const char *likelihood = table ? "very likely" : "likely";
    json_t *f = finding_new(
        arena_format(a->arena, "presence-%s", code), "presence",
        arena_format(a->arena, "%s stands out", name),
        arena_format(a->arena,
                     "%s takes %s of the population's %s where the baseline leads one to expect "
                     "%s. It is %s that the population has ties there beyond ordinary use.",
                     name, text_share(a, json_object_get(c, "share")), units(a),
                     text_percent(a, value_of(c, "expected")), likelihood),
        table || firm ? "moderate" : "low");
    json_object_set_new(f, "likelihood", json_string(likelihood));
    add_text(f, "because",
             arena_format(a->arena,
                          "Without the services that a fifth of the population uses the ratio is "
                          "%.1f (95%% interval %.1f to %.1f), and %.1f after shrinking.",
                          value_of(c, "ratio_adjusted"), low_of(c, "ratio_adjusted"),
                          high_of(c, "ratio_adjusted"), value_of(c, "shrunk_ratio")));
    const json_t *institutions = json_object_get(c, "institutions");
    if (json_array_size(institutions) > 0) {
        const json_t *first = json_array_get(institutions, 0);
        add_text(f, "because",
                 arena_format(a->arena,
                              "Networks of local institutions are met, first %s (%s): "
                              "%s on %s.",
                              string_of(first, "name"), string_of(first, "kind"),
                              conversations(a, value_of(first, "flows")),
                              days_of(a, value_of(first, "days"))));
    }
    add_text(f, "caveats",
             arena_format(a->arena, "The baseline is %s.%s", string_of(baseline, "name"),
                          table ? ""
                                : " It does not know the habits of a comparable "
                                  "population."));
    add_text(f, "alternatives", "Servers there that run services whose names are not known.");
    add_text(f, "alternatives", "A relay or carrier there through which traffic passes.");
    add_value(f, "share", json_object_get(c, "share"));
    add_value(f, "ratio", json_object_get(c, "ratio"));
    add_value(f, "ratio_adjusted", json_object_get(c, "ratio_adjusted"));
    add_value(f, "q", json_object_get(json_object_get(c, "test"), "q"));
    finish(findings, f, json_object_get(c, "evidence"));
}

/* That nothing stands out is said only with what could have been missed, and not where that is
 * much: on a few days nothing could have stood out. */
static void find_no_presence(struct analysis *a, const json_t *presence, json_t *findings)
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
    json_t *f = finding_new("presence-none", "presence", "No country stands out",
                            "Once popular services are set aside, no country takes more than its "
                            "expectation allows for.",
                            "moderate");
    add_text(f, "because", "One-sided tests over all countries, false discoveries held at 5%.");
    add_text(f, "because",
             arena_format(a->arena,
                          "What could be missed: of the countries met that have at least %.0f%% of "
                          "the expectation, %s has the highest bound, %.1f times its own.",
                          100 * expected_least, string_of(widest, "name"),
                          high_of(widest, "ratio_adjusted")));
    add_text(f, "caveats",
             arena_format(a->arena, "The baseline is %s.",
                          string_of(json_object_get(presence, "baseline"), "name")));
    add_value(f, "highest_ratio", json_object_get(widest, "ratio_adjusted"));
    finish(findings, f, json_object_get(json_object_get(a->model, "activity"), "evidence"));
}

static void find_presence(struct analysis *a, json_t *findings)
{
    const json_t *presence = section_of(a, "presence");
    const json_t *countries = json_object_get(presence, "countries");
    const json_t *one = json_array_get(countries, 0);
    size_t flagged = 0, told = 0;
    if (!one)
        return;
    struct buf list;
    buf_init(&list, 1024);
    json_t *f = finding_new("countries", "presence", "", "", "high");
    for (size_t i = 0; i < 5 && i < json_array_size(countries); i++) {
        const json_t *c = json_array_get(countries, i);
        buf_format(&list, "%s%s %s", i ? ", " : "", string_of(c, "name"),
                   text_share(a, json_object_get(c, "share")));
        add_value(f, string_of(c, "country"), json_object_get(c, "share"));
    }
    json_object_set_new(f, "headline",
                        json_string(arena_format(a->arena,
                                                 value_of(one, "share") > 0.5
                                                     ? "Most %s go to %s"
                                                     : "More %s go to %s than to any other country",
                                                 units(a), string_of(one, "name"))));
    json_object_set_new(
        f, "statement",
        json_string(arena_format(a->arena, "By the remote address's country: %s.", list.at)));
    add_text(f, "because", "The country is where the address's network is registered or used.");
    add_text(f, "caveats",
             "Large services answer from many countries: a server's country need not "
             "be its owner's.");
    finish(findings, f, json_object_get(json_object_get(a->model, "activity"), "evidence"));
    buf_done(&list);
    for (size_t i = 0; i < json_array_size(countries); i++)
        flagged += json_is_true(json_object_get(json_array_get(countries, i), "flagged"));
    for (size_t i = 0; i < json_array_size(countries) && told < PRESENCE_MAX; i++) {
        const json_t *c = json_array_get(countries, i);
        if (json_is_true(json_object_get(c, "flagged"))) {
            find_flagged(a, presence, c, findings);
            told++;
        }
    }
    if (flagged == 0)
        find_no_presence(a, presence, findings);
}

static void find_outside(struct analysis *a, json_t *findings)
{
    const json_t *roles = json_object_get(section_of(a, "totals"), "roles");
    static const char *const names[] = {"served", "unanswered"};
    for (int i = 0; i < 2; i++) {
        const json_t *r = json_object_get(roles, names[i]);
        double flows = value_of(r, "flows");
        if (flows <= 0)
            continue;
        json_t *f = finding_new(
            names[i], "totals",
            i == 0 ? "The population's own servers are visited from outside"
                   : "Unanswered attempts come in from outside",
            arena_format(
                a->arena,
                i == 0 ? "%s opened by %s with %s of the population that answered."
                       : "%s by %s at %s of the population got no answer, as scans and "
                         "backscatter do.",
                i == 0 ? counted(a, flows, "conversation was", "conversations were")
                       : counted(a, flows, "attempt", "attempts"),
                counted(a, value_of(r, "remote_hosts"), "outside address", "outside addresses"),
                addresses(a, value_of(r, "local_hosts"))),
            "high");
        add_text(f, "because",
                 "Who opened a conversation is told by TCP flags, ports and order, "
                 "taken together.");
        add_text(f, "caveats", "Kept apart from the population's own use.");
        add_value(f, "flows", json_object_get(r, "flows"));
        add_value(f, "local_hosts", json_object_get(r, "local_hosts"));
        json_t *evidence = evidence_json(a, arena_format(a->arena, "role %s", names[i]), flows);
        finish(findings, f, evidence);
        json_decref(evidence);
    }
}

static void find_fidelity(struct analysis *a, json_t *findings)
{
    const json_t *s = section_of(a, "fidelity"), *days = json_object_get(s, "days");
    const json_t *warnings = json_object_get(s, "warnings");
    double used = value_of(s, "days_used"), lost = 0, records = 0;
    for (size_t i = 0; i < json_array_size(days); i++) {
        lost += value_of(json_array_get(days, i), "records_lost");
        records += value_of(json_array_get(days, i), "records");
    }
    bool whole = used == (double)a->days;
    json_t *f = finding_new(
        "data-quality", "fidelity",
        whole && a->days == 1 ? "The day's telemetry is whole enough to be measured"
        : a->days == 1 ? "The period is one day, and its telemetry is not enough to be measured"
        : used == 0    ? "No day can be compared"
        : used == 1 ? arena_format(a->arena, "1 of %zu days holds data to be measured by", a->days)
        : whole     ? arena_format(a->arena, "All %zu days can be compared", a->days)
                    : arena_format(a->arena, "%.0f of %zu days can be compared", used, a->days),
        arena_format(a->arena,
                     "Shares and rhythm rest on %.0f of the period's %s; %s of the exported "
                     "records are known to be lost.",
                     used, days_of(a, (double)a->days),
                     lost > 0 ? text_percent(a, lost / (lost + records)) : "none"),
        "high");
    for (size_t i = 0; i < json_array_size(warnings); i++)
        add_text(f, "caveats", json_string_value(json_array_get(warnings, i)));
    add_text(f, "because", "Hours with data, and gaps in the exporters' sequence numbers.");
    add_text(f, "caveats", "Losses before the exporter cannot be seen.");
    add_value(f, "days_used", json_object_get(s, "days_used"));
    json_object_set_new(json_object_get(f, "values"), "records_lost", count_json(lost));
    finish(findings, f, json_object_get(json_object_get(a->model, "totals"), "evidence"));
}

int findings_section(struct analysis *a, json_t **ret, struct error *err)
{
    (void)err;
    *ret = json_array();
    if (a->total.flows <= 0) {
        find_nothing(a, *ret);
        return 0;
    }
    find_totals(a, *ret);
    find_first_service(a, *ret);
    find_ranking(a, *ret);
    find_categories(a, *ret);
    find_entertainment(a, *ret);
    find_busy(a, *ret);
    find_weekdays(a, *ret);
    find_policies(a, *ret);
    find_zone(a, *ret);
    find_events(a, *ret);
    concealment_findings(a, section_of(a, "concealment"), *ret);
    find_onsets(a, *ret);
    find_presence(a, *ret);
    recon_findings(a, section_of(a, "recon"), *ret);
    contacts_findings(a, section_of(a, "contacts"), *ret);
    find_outside(a, *ret);
    find_fidelity(a, *ret);
    for (size_t i = 0; i < json_array_size(*ret); i++)
        temper(a, json_array_get(*ret, i));
    return 0;
}
