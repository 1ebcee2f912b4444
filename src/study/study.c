/* SPDX-License-Identifier: Apache-2.0 */
/* study.yaml becomes struct study in three steps: yamlfile.c checks it against the schema below,
 * each fill_* turns the texts of one key into values, and the event lists are read last. The
 * strings stay in the arena, so the parsed file can go. */
#include "study/study.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/memory.h"
#include "schema/values.h"
#include "study/events.h"
#include "study/value.h"
#include "study/yamlfile.h"

enum { ARENA_OCTETS = 256 << 20, LIST_MAX = 1000000 };

/* ---- what the file says, as texts ---- */

struct span_text {
    const char *from, *to;
};

struct prefix_text {
    const char *prefix, *label, *from, *to;
};

struct policy_text {
    const char *service, *from, *to, *source;
};

struct timeline_text {
    const char *net, *service, *from, *to, *label;
};

struct event_series_text {
    const char *service, *category, *country, *label;
    const char **hosts;
    uint32_t hosts_count;
};

struct holiday_text {
    const char *date, *label;
};

struct metering_text {
    const char *idle, *active;
};

struct retention_text {
    const char *flow, *coverage;
};

struct geo_text {
    const char *country, *asn;
};

struct study_text {
    const char *name, *timezone;
    struct span_text period;
    struct prefix_text *population, *pivots, *exclusions;
    uint32_t population_count, pivots_count, exclusions_count;
    const char **events;
    uint32_t events_count;
    const char *baseline, *reference, *store, *positive_control;
    const char *lists, *tor_age, *tlp;
    int measure, concealment;
    uint32_t sampling;
    uint64_t *seed;
    struct metering_text metering;
    struct retention_text retention;
    struct geo_text geo;
    struct policy_text *policies;
    uint32_t policies_count;
    struct timeline_text *timelines;
    uint32_t timelines_count;
    struct event_series_text *event_series;
    uint32_t event_series_count;
    struct holiday_text *holidays;
    uint32_t holidays_count;
};

#define TEXT(key, type, member)                                                                    \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, CYAML_UNLIMITED)
#define TEXT_OPTIONAL(key, type, member)                                                           \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0,         \
                           CYAML_UNLIMITED)
#define LIST(key, member, entry)                                                                   \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct study_text, member, \
                         &entry, 0, LIST_MAX)

static const cyaml_schema_field_t span_fields[] = {
    TEXT("from", struct span_text, from), TEXT("to", struct span_text, to), CYAML_FIELD_END};

static const cyaml_schema_field_t population_fields[] = {
    TEXT("prefix", struct prefix_text, prefix), TEXT_OPTIONAL("label", struct prefix_text, label),
    CYAML_FIELD_END};
static const cyaml_schema_value_t population_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct prefix_text, population_fields)};

static const cyaml_schema_field_t pivot_fields[] = {
    TEXT("prefix", struct prefix_text, prefix), TEXT_OPTIONAL("from", struct prefix_text, from),
    TEXT_OPTIONAL("to", struct prefix_text, to), TEXT_OPTIONAL("label", struct prefix_text, label),
    CYAML_FIELD_END};
static const cyaml_schema_value_t pivot_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct prefix_text, pivot_fields)};

static const cyaml_schema_value_t host_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, CYAML_UNLIMITED)};
static const cyaml_schema_field_t event_series_fields[] = {
    TEXT_OPTIONAL("service", struct event_series_text, service),
    TEXT_OPTIONAL("category", struct event_series_text, category),
    TEXT_OPTIONAL("country", struct event_series_text, country),
    TEXT_OPTIONAL("label", struct event_series_text, label),
    CYAML_FIELD_SEQUENCE("hosts", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         struct event_series_text, hosts, &host_entry, 1, LIST_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t event_series_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct event_series_text, event_series_fields)};

static const cyaml_schema_field_t policy_fields[] = {
    TEXT("service", struct policy_text, service), TEXT("from", struct policy_text, from),
    TEXT_OPTIONAL("to", struct policy_text, to),
    TEXT_OPTIONAL("source", struct policy_text, source), CYAML_FIELD_END};
static const cyaml_schema_value_t policy_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_text, policy_fields)};

static const cyaml_schema_field_t timeline_fields[] = {
    TEXT_OPTIONAL("net", struct timeline_text, net),
    TEXT_OPTIONAL("service", struct timeline_text, service),
    TEXT_OPTIONAL("from", struct timeline_text, from),
    TEXT_OPTIONAL("to", struct timeline_text, to),
    TEXT_OPTIONAL("label", struct timeline_text, label),
    CYAML_FIELD_END};
static const cyaml_schema_value_t timeline_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct timeline_text, timeline_fields)};

static const cyaml_schema_field_t holiday_fields[] = {
    TEXT("date", struct holiday_text, date), TEXT_OPTIONAL("label", struct holiday_text, label),
    CYAML_FIELD_END};
static const cyaml_schema_value_t holiday_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct holiday_text, holiday_fields)};

static const cyaml_schema_value_t path_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, CYAML_UNLIMITED)};

static const cyaml_schema_field_t retention_fields[] = {
    TEXT_OPTIONAL("flow", struct retention_text, flow),
    TEXT_OPTIONAL("coverage", struct retention_text, coverage), CYAML_FIELD_END};
static const cyaml_schema_field_t metering_fields[] = {
    TEXT_OPTIONAL("idle", struct metering_text, idle),
    TEXT_OPTIONAL("active", struct metering_text, active), CYAML_FIELD_END};

static const cyaml_schema_field_t geo_fields[] = {
    TEXT_OPTIONAL("country", struct geo_text, country), TEXT_OPTIONAL("asn", struct geo_text, asn),
    CYAML_FIELD_END};

static const cyaml_strval_t measures[] = {
    {"conversations", MEASURE_FLOWS}, {"octets", MEASURE_OCTETS}, {"packets", MEASURE_PACKETS}};

static const cyaml_strval_t concealments[] = {{"2017", CONCEALMENT_2017},
                                              {"2018-with-tls", CONCEALMENT_2018_WITH_TLS}};

static const cyaml_schema_field_t study_fields[] = {
    TEXT("name", struct study_text, name),
    TEXT("timezone", struct study_text, timezone),
    CYAML_FIELD_MAPPING("period", CYAML_FLAG_DEFAULT, struct study_text, period, span_fields),
    CYAML_FIELD_SEQUENCE("population", CYAML_FLAG_POINTER, struct study_text, population,
                         &population_entry, 1, LIST_MAX),
    LIST("pivots", pivots, pivot_entry),
    LIST("events", events, path_entry),
    LIST("event_series", event_series, event_series_entry),
    TEXT_OPTIONAL("baseline", struct study_text, baseline),
    TEXT_OPTIONAL("reference", struct study_text, reference),
    TEXT_OPTIONAL("store", struct study_text, store),
    CYAML_FIELD_ENUM("measure", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct study_text, measure,
                     measures, 3),
    CYAML_FIELD_ENUM("concealment", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct study_text,
                     concealment, concealments, 2),
    CYAML_FIELD_UINT("sampling", CYAML_FLAG_OPTIONAL, struct study_text, sampling),
    CYAML_FIELD_UINT_PTR("seed", CYAML_FLAG_OPTIONAL, struct study_text, seed),
    TEXT_OPTIONAL("lists", struct study_text, lists),
    TEXT_OPTIONAL("tor_age", struct study_text, tor_age),
    CYAML_FIELD_MAPPING("retention", CYAML_FLAG_OPTIONAL, struct study_text, retention,
                        retention_fields),
    CYAML_FIELD_MAPPING("metering", CYAML_FLAG_OPTIONAL, struct study_text, metering,
                        metering_fields),
    CYAML_FIELD_MAPPING("geo", CYAML_FLAG_OPTIONAL, struct study_text, geo, geo_fields),
    LIST("policies", policies, policy_entry),
    LIST("exclusions", exclusions, population_entry),
    LIST("timelines", timelines, timeline_entry),
    LIST("holidays", holidays, holiday_entry),
    TEXT_OPTIONAL("positive_control", struct study_text, positive_control),
    TEXT_OPTIONAL("tlp", struct study_text, tlp),
    CYAML_FIELD_END};

static const cyaml_schema_value_t study_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct study_text, study_fields)};

const char *study_concealment_text(enum study_concealment c)
{
    return concealments[c].str;
}

const char *study_measure_text(enum study_measure m)
{
    return measures[m].str;
}

/* ---- texts to values ---- */

/* What callers see, and what it stands on. */
struct whole_study {
    struct study s;
    struct arena *arena;
    struct zone *zone;
};

struct filling {
    struct whole_study *w;
    struct study *s;
    const struct study_text *text;
    const struct yamlfile *yaml;
    struct error *err;
};

static const char *keep(const struct filling *f, const char *text)
{
    return text ? arena_text(f->w->arena, text, strlen(text)) : "";
}

static bool given(const char *text)
{
    return text && *text;
}

void study_set_period(struct study *s, int32_t from_day, int32_t to_day)
{
    /* In a zone east of Greenwich the first day of 1970 began in 1969. */
    int64_t from_s = zone_day_start_s(s->zone, from_day);
    s->from_day = from_day;
    s->to_day = to_day;
    s->from_ms = from_s > 0 ? (uint64_t)from_s * 1000 : 0;
    s->to_ms = (uint64_t)zone_day_start_s(s->zone, to_day + 1) * 1000;
}

static int fill_period(const struct filling *f)
{
    struct study *s = f->s;
    const struct span_text *p = &f->text->period;
    struct zone *zone;
    if (zone_open(f->text->timezone, &zone, f->err) != 0) {
        char why[sizeof f->err->text];
        snprintf(why, sizeof why, "%s", f->err ? f->err->text : "");
        return yamlfile_wrong(f->yaml, f->err, "timezone", "timezone: %s", why);
    }
    f->w->zone = zone;
    s->zone = zone;
    s->timezone = zone_name(zone);
    if (date_parse(p->from, strlen(p->from), &s->from_day) != 0 || s->from_day < 0)
        return yamlfile_wrong(f->yaml, f->err, "period.from",
                              "period: '%.40s' is not a date (2017-04-01 would be)", p->from);
    if (date_parse(p->to, strlen(p->to), &s->to_day) != 0)
        return yamlfile_wrong(f->yaml, f->err, "period.to",
                              "period: '%.40s' is not a date (2017-07-06 would be)", p->to);
    if (s->from_day > s->to_day)
        return yamlfile_wrong(f->yaml, f->err, "period.from", "period: from (%s) is after to (%s)",
                              p->from, p->to);
    study_set_period(s, s->from_day, s->to_day);
    return 0;
}

/* The prefix of entry `i` of list `key`. */
static int fill_prefix(const struct filling *f, const char *key, size_t i, const char *text,
                       struct prefix *ret)
{
    char why[VALUE_WHY_MAX], where[64];
    if (value_prefix(text, ret, why) == 0)
        return 0;
    snprintf(where, sizeof where, "%s[%zu].prefix", key, i);
    return yamlfile_wrong(f->yaml, f->err, where, "%s: %s", key, why);
}

static int by_prefix(const void *a, const void *b)
{
    const struct study_prefix *const *x = a, *const *y = b;
    int order = memcmp(&(*x)->prefix.ip, &(*y)->prefix.ip, sizeof(struct ip));
    if (order == 0)
        order = (int)(*x)->prefix.len_bits - (int)(*y)->prefix.len_bits;
    return order ? order : *x < *y ? -1 : 1; /* twins in the order of the file */
}

static int refuse_twins(const struct filling *f)
{
    size_t n = f->s->population_count;
    const struct study_prefix *all = f->s->population, **sorted = memory_array(n, sizeof *sorted);
    int status = 0;
    for (size_t i = 0; i < n; i++)
        sorted[i] = &all[i];
    qsort(sorted, n, sizeof *sorted, by_prefix);
    for (size_t i = 1; i < n && status == 0; i++) {
        const struct prefix *a = &sorted[i - 1]->prefix, *b = &sorted[i]->prefix;
        if (!ip_equal(&a->ip, &b->ip) || a->len_bits != b->len_bits)
            continue;
        char text[PREFIX_TEXT_MAX], where[64], before[64];
        prefix_print(b, text);
        snprintf(before, sizeof before, "population[%zu]", (size_t)(sorted[i - 1] - all));
        snprintf(where, sizeof where, "population[%zu].prefix", (size_t)(sorted[i] - all));
        status = yamlfile_wrong(f->yaml, f->err, where,
                                "population: %s is given twice (before in line %zu)", text,
                                yamlfile_line(f->yaml, before));
    }
    free(sorted);
    return status;
}

static int fill_population(const struct filling *f)
{
    struct study *s = f->s;
    size_t n = f->text->population_count;
    s->population = arena_array(f->w->arena, n, sizeof *s->population);
    s->population_count = n;
    s->population_lpm = lpm_new();
    for (size_t i = 0; i < n; i++) {
        const struct prefix_text *t = &f->text->population[i];
        struct study_prefix *p = &s->population[i];
        if (fill_prefix(f, "population", i, t->prefix, &p->prefix) != 0)
            return ERROR_USAGE;
        p->label = keep(f, t->label);
        bool v4 = ip_is_v4(&p->prefix.ip);
        s->everywhere |= p->prefix.len_bits == 0 || (v4 && p->prefix.len_bits == 96);
        lpm_add(s->population_lpm, &p->prefix, (uint32_t)i);
    }
    lpm_seal(s->population_lpm);
    return refuse_twins(f);
}

/* "from" and "to" of entry `i` of a list: a date given as `to` is included whole. */
static int fill_window(const struct filling *f, const char *key, size_t i, const char *from,
                       const char *to, uint64_t *from_ms, uint64_t *to_ms)
{
    char where[64];
    _Bool date_only;
    snprintf(where, sizeof where, "%s[%zu].from", key, i);
    if (given(from) && value_time(from, f->s->zone, from_ms, &date_only) != 0)
        return yamlfile_wrong(f->yaml, f->err, where, "%s: '%.40s' is not a date or time", key,
                              from);
    snprintf(where, sizeof where, "%s[%zu].to", key, i);
    if (given(to)) {
        if (value_time(to, f->s->zone, to_ms, &date_only) != 0)
            return yamlfile_wrong(f->yaml, f->err, where, "%s: '%.40s' is not a date or time", key,
                                  to);
        if (date_only)
            *to_ms = (uint64_t)zone_day_start_s(
                         f->s->zone, zone_day(f->s->zone, (int64_t)(*to_ms / 1000)) + 1) *
                     1000;
    }
    if (*from_ms >= *to_ms)
        return yamlfile_wrong(f->yaml, f->err, where, "%s: from is not before to", key);
    return 0;
}

static int fill_pivots(const struct filling *f)
{
    struct study *s = f->s;
    size_t n = f->text->pivots_count;
    s->pivots = arena_array(f->w->arena, n, sizeof *s->pivots);
    s->pivot_count = n;
    for (size_t i = 0; i < n; i++) {
        const struct prefix_text *t = &f->text->pivots[i];
        struct study_pivot *p = &s->pivots[i];
        *p = (struct study_pivot){.from_ms = s->from_ms, .to_ms = s->to_ms};
        p->label = keep(f, t->label);
        if (fill_prefix(f, "pivots", i, t->prefix, &p->prefix) != 0 ||
            fill_window(f, "pivots", i, t->from, t->to, &p->from_ms, &p->to_ms) != 0)
            return ERROR_USAGE;
    }
    /* The population after the pivots: where a prefix is both, it counts as the population. */
    s->kept_lpm = lpm_new();
    for (size_t i = 0; i < n; i++)
        lpm_add(s->kept_lpm, &s->pivots[i].prefix, (uint32_t)(s->population_count + i));
    for (size_t i = 0; i < s->population_count; i++)
        lpm_add(s->kept_lpm, &s->population[i].prefix, (uint32_t)i);
    lpm_seal(s->kept_lpm);
    return 0;
}

/* A path as the study has it: relative ones lie in the study's folder. */
static const char *study_path(const struct filling *f, const char *path)
{
    return path[0] == '/' ? keep(f, path) : arena_format(f->w->arena, "%s/%s", f->s->dir, path);
}

static int fill_baseline(const struct filling *f)
{
    const char *baseline = f->text->baseline;
    if (!given(baseline) || strcmp(baseline, "default") == 0)
        baseline = "default";
    else if (access(study_path(f, baseline), R_OK) != 0)
        return yamlfile_wrong(f->yaml, f->err, "baseline", "baseline: cannot read %s: %s",
                              study_path(f, baseline), strerror(errno));
    f->s->baseline = keep(f, baseline);
    const char *reference = f->text->reference;
    if (!given(reference))
        return 0;
    if (access(study_path(f, reference), R_OK) != 0)
        return yamlfile_wrong(f->yaml, f->err, "reference", "reference: cannot read %s: %s",
                              study_path(f, reference), strerror(errno));
    f->s->reference = keep(f, reference);
    return 0;
}

static int fill_store(const struct filling *f)
{
    const char *store = given(f->text->store) ? f->text->store : "store";
    char dir[PATH_MAX];
    if (strncmp(store, "clickhouse://", 13) == 0 && store[13]) {
        f->s->store = keep(f, store);
        f->s->store_is_server = true;
        return 0;
    }
    if (strstr(store, "://"))
        return yamlfile_wrong(f->yaml, f->err, "store",
                              "store: '%.80s' is neither a folder nor clickhouse://host...", store);
    size_t len = strlen(store);
    while (len > 1 && store[len - 1] == '/')
        len--;
    if (store[0] == '/')
        f->s->store = arena_text(f->w->arena, store, len);
    else
        f->s->store = arena_format(f->w->arena, "%s/%.*s",
                                   realpath(f->s->dir, dir) ? dir : f->s->dir, (int)len, store);
    return 0;
}

static int fill_geo_file(const struct filling *f, const char *where, const char *text,
                         const char **ret)
{
    if (!given(text))
        return 0;
    const char *path = study_path(f, text);
    if (access(path, R_OK) != 0)
        return yamlfile_wrong(f->yaml, f->err, where, "geo: cannot read %s: %s", path,
                              strerror(errno));
    *ret = path;
    return 0;
}

static int fill_retention(const struct filling *f, const char *where, const char *text,
                          uint64_t *ret_ms)
{
    if (!given(text))
        return 0;
    if (duration_parse_ms(text, strlen(text), ret_ms) != 0 || *ret_ms < 86400000)
        return yamlfile_wrong(f->yaml, f->err, where,
                              "retention: '%.40s' is not a duration of at least a day (180d, 104w)",
                              text);
    return 0;
}

static int fill_timeout(const struct filling *f, const char *where, const char *text,
                        uint32_t *ret_ms)
{
    uint64_t ms;
    if (!given(text))
        return 0;
    if (duration_parse_ms(text, strlen(text), &ms) != 0 || ms < 1000 || ms > 86400000)
        return yamlfile_wrong(f->yaml, f->err, where,
                              "metering: '%.40s' is not a duration from 1s to 24h (60s, 30m)",
                              text);
    *ret_ms = (uint32_t)ms;
    return 0;
}

static int fill_lists(const struct filling *f)
{
    const char *age = f->text->tor_age;
    uint64_t ms = 86400000;
    f->s->lists = study_path(f, given(f->text->lists) ? f->text->lists : "lists");
    if (given(age) && (duration_parse_ms(age, strlen(age), &ms) != 0 || ms < 3600000 ||
                       ms > (uint64_t)366 * 86400000))
        return yamlfile_wrong(f->yaml, f->err, "tor_age",
                              "tor_age: '%.40s' is not a duration from 1h to 366d (24h)", age);
    f->s->tor_age_s = (uint32_t)(ms / 1000);
    return 0;
}

/* FIRST's Traffic Light Protocol 2.0; in any case of letters, with or without "TLP:". */
static int fill_tlp(const struct filling *f)
{
    static const char *const labels[] = {"RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"};
    const char *tlp = f->text->tlp;
    if (!given(tlp))
        return 0;
    const char *label = strncasecmp(tlp, "tlp:", 4) == 0 ? tlp + 4 : tlp;
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (strcasecmp(label, labels[i]) == 0) {
            f->s->tlp = labels[i];
            return 0;
        }
    return yamlfile_wrong(f->yaml, f->err, "tlp",
                          "tlp: '%.40s' is none of red, amber+strict, amber, green, clear", tlp);
}

static int fill_numbers(const struct filling *f)
{
    struct study *s = f->s;
    s->measure = (enum study_measure)f->text->measure;
    s->concealment = (enum study_concealment)f->text->concealment;
    s->sampling = f->text->sampling;
    s->seed = f->text->seed ? *f->text->seed : 1;
    s->idle_ms = 60000;
    s->active_ms = 1800000;
    if (fill_retention(f, "retention.flow", f->text->retention.flow, &s->retain_flow_ms) != 0 ||
        fill_retention(f, "retention.coverage", f->text->retention.coverage,
                       &s->retain_coverage_ms) != 0)
        return ERROR_USAGE;
    if (fill_timeout(f, "metering.idle", f->text->metering.idle, &s->idle_ms) != 0 ||
        fill_timeout(f, "metering.active", f->text->metering.active, &s->active_ms) != 0)
        return ERROR_USAGE;
    const char *country = f->text->positive_control;
    if (given(country)) {
        if (strlen(country) != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' ||
            country[1] > 'Z')
            return yamlfile_wrong(f->yaml, f->err, "positive_control",
                                  "positive_control: '%.40s' is not a country of two letters (IN)",
                                  country);
        s->positive_control = country_code(country);
    }
    return fill_tlp(f);
}

static int fill_policies(const struct filling *f)
{
    struct study *s = f->s;
    size_t n = f->text->policies_count;
    s->policies = arena_array(f->w->arena, n, sizeof *s->policies);
    s->policy_count = n;
    for (size_t i = 0; i < n; i++) {
        const struct policy_text *t = &f->text->policies[i];
        struct study_policy *p = &s->policies[i];
        *p = (struct study_policy){
            .service = keep(f, t->service), .source = keep(f, t->source), .to_ms = UINT64_MAX};
        if (fill_window(f, "policies", i, t->from, t->to, &p->from_ms, &p->to_ms) != 0)
            return ERROR_USAGE;
    }
    return 0;
}

static int fill_event_series_hosts(const struct filling *f, size_t i,
                                   const struct event_series_text *t,
                                   struct study_event_series *to)
{
    to->hosts = arena_array(f->w->arena, t->hosts_count, sizeof *to->hosts);
    to->host_count = t->hosts_count;
    for (size_t h = 0; h < t->hosts_count; h++)
        if (!prefix_parse(t->hosts[h], strlen(t->hosts[h]), true, &to->hosts[h])) {
            char where[64];
            snprintf(where, sizeof where, "event_series[%zu]", i);
            return yamlfile_wrong(f->yaml, f->err, where,
                                  "event_series: '%.60s' is not a prefix or address", t->hosts[h]);
        }
    return 0;
}

static int fill_event_series(const struct filling *f)
{
    struct study *s = f->s;
    size_t n = f->text->event_series_count;
    s->event_series = arena_array(f->w->arena, n, sizeof *s->event_series);
    s->event_series_count = n;
    for (size_t i = 0; i < n; i++) {
        const struct event_series_text *t = &f->text->event_series[i];
        struct study_event_series *to = &s->event_series[i];
        char where[64];
        snprintf(where, sizeof where, "event_series[%zu]", i);
        *to = (struct study_event_series){.service = keep(f, t->service),
                                          .category = keep(f, t->category),
                                          .label = keep(f, t->label)};
        if (given(t->service) + given(t->category) + given(t->country) + (t->hosts_count > 0) != 1)
            return yamlfile_wrong(f->yaml, f->err, where,
                                  "event_series: one of service, category, country and hosts is "
                                  "needed");
        if (given(t->country)) {
            const char *c = t->country;
            if (strlen(c) != 2 || c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z')
                return yamlfile_wrong(f->yaml, f->err, where,
                                      "event_series: '%.40s' is not a country of two letters (IN)",
                                      c);
            to->country = country_code(c);
        }
        if (fill_event_series_hosts(f, i, t, to) != 0)
            return ERROR_USAGE;
    }
    return 0;
}

static int fill_exclusions(const struct filling *f)
{
    struct study *s = f->s;
    size_t n = f->text->exclusions_count;
    s->exclusions = arena_array(f->w->arena, n, sizeof *s->exclusions);
    s->exclusion_count = n;
    for (size_t i = 0; i < n; i++) {
        const struct prefix_text *t = &f->text->exclusions[i];
        if (fill_prefix(f, "exclusions", i, t->prefix, &s->exclusions[i].prefix) != 0)
            return ERROR_USAGE;
        s->exclusions[i].label = keep(f, t->label);
    }
    return 0;
}

static int fill_timelines(const struct filling *f)
{
    struct study *s = f->s;
    size_t n = f->text->timelines_count;
    s->timelines = arena_array(f->w->arena, n, sizeof *s->timelines);
    s->timeline_count = n;
    for (size_t i = 0; i < n; i++) {
        const struct timeline_text *t = &f->text->timelines[i];
        struct study_timeline *x = &s->timelines[i];
        char where[32];
        snprintf(where, sizeof where, "timelines[%zu]", i);
        *x = (struct study_timeline){.has_net = given(t->net),
                                     .service = keep(f, given(t->service) ? t->service : ""),
                                     .label = keep(f, t->label),
                                     .from_ms = s->from_ms,
                                     .to_ms = s->to_ms};
        if (!given(t->net) && !given(t->service))
            return yamlfile_wrong(f->yaml, f->err, where, "timelines: needs a net or a service");
        if (given(t->net) && fill_prefix(f, "timelines", i, t->net, &x->net) != 0)
            return ERROR_USAGE;
        if (fill_window(f, "timelines", i, t->from, t->to, &x->from_ms, &x->to_ms) != 0)
            return ERROR_USAGE;
    }
    return 0;
}

static int by_day(const void *a, const void *b)
{
    const struct study_holiday *x = a, *y = b;
    return x->day < y->day ? -1 : x->day > y->day;
}

static int fill_holidays(const struct filling *f)
{
    struct study *s = f->s;
    size_t n = f->text->holidays_count;
    s->holidays = arena_array(f->w->arena, n, sizeof *s->holidays);
    s->holiday_count = n;
    for (size_t i = 0; i < n; i++) {
        const struct holiday_text *t = &f->text->holidays[i];
        char where[64];
        snprintf(where, sizeof where, "holidays[%zu].date", i);
        if (date_parse(t->date, strlen(t->date), &s->holidays[i].day) != 0)
            return yamlfile_wrong(f->yaml, f->err, where,
                                  "holidays: '%.40s' is not a date (2017-04-15 would be)", t->date);
        s->holidays[i].label = keep(f, t->label);
    }
    if (n > 1)
        qsort(s->holidays, n, sizeof *s->holidays, by_day);
    return 0;
}

static int read_event_lists(const struct filling *f, struct event_list *list)
{
    f->s->event_files = arena_array(f->w->arena, f->text->events_count, sizeof *f->s->event_files);
    for (size_t i = 0; i < f->text->events_count; i++) {
        const char *path = study_path(f, f->text->events[i]);
        f->s->event_files[f->s->event_file_count++] = path;
        struct buf text;
        char where[64];
        struct error why = {0};
        snprintf(where, sizeof where, "events[%zu]", i);
        if (yamlfile_read(path, &text, &why) != 0)
            return yamlfile_wrong(f->yaml, f->err, where, "events: %s", why.text);
        int status = events_parse(path, text.at ? text.at : "", text.len, f->s->zone, f->w->arena,
                                  list, f->err);
        buf_done(&text);
        if (status != 0)
            return ERROR_USAGE;
    }
    return 0;
}

static int fill_events(const struct filling *f)
{
    struct event_list list = {NULL, 0, 0};
    int status = read_event_lists(f, &list);
    if (status == 0) {
        event_list_sort(&list);
        f->s->events = arena_array(f->w->arena, list.count, sizeof *list.rows);
        f->s->event_count = list.count;
        if (list.count)
            memcpy(f->s->events, list.rows, list.count * sizeof *list.rows);
    }
    event_list_done(&list);
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* catalogue/ of the study's folder: every *.yaml in it, in the order of their names. */
static void find_catalogue(const struct filling *f)
{
    const char *folder = study_path(f, "catalogue");
    const char **found = NULL;
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        size_t len = strlen(e->d_name);
        if (e->d_name[0] == '.' || len < 6 || strcmp(e->d_name + len - 5, ".yaml") != 0)
            continue;
        found = memory_resize(found, count + 1, sizeof *found);
        found[count++] = arena_format(f->w->arena, "%s/%s", folder, e->d_name);
    }
    if (dir)
        closedir(dir);
    if (count > 1)
        qsort(found, count, sizeof *found, by_text);
    f->s->catalogue_files = arena_array(f->w->arena, count, sizeof *found);
    f->s->catalogue_file_count = count;
    if (count)
        memcpy(f->s->catalogue_files, found, count * sizeof *found);
    free(found);
}

static int fill(const struct filling *f)
{
    f->s->name = keep(f, f->text->name);
    if (fill_period(f) != 0 || fill_population(f) != 0 || fill_pivots(f) != 0 ||
        fill_baseline(f) != 0 || fill_store(f) != 0 || fill_numbers(f) != 0 ||
        fill_lists(f) != 0 ||
        fill_geo_file(f, "geo.country", f->text->geo.country, &f->s->geo_country_mmdb) != 0 ||
        fill_geo_file(f, "geo.asn", f->text->geo.asn, &f->s->geo_asn_mmdb) != 0 ||
        fill_policies(f) != 0 || fill_exclusions(f) != 0 || fill_event_series(f) != 0 || fill_timelines(f) != 0 ||
        fill_holidays(f) != 0 ||
        fill_events(f) != 0)
        return ERROR_USAGE;
    find_catalogue(f);
    return 0;
}

int study_parse(const char *dir, const char *file, const char *text, size_t len, struct study **ret,
                struct error *err)
{
    struct yamlfile *yaml;
    if (yamlfile_parse(file, text, len, &study_schema, &yaml, err) != 0)
        return ERROR_USAGE;
    struct whole_study *w = memory_alloc(sizeof *w);
    w->arena = arena_new(ARENA_OCTETS);
    struct error ignored;
    struct filling f = {w, &w->s, yamlfile_data(yaml), yaml, err ? err : &ignored};
    w->s.dir = keep(&f, dir);
    w->s.file = keep(&f, file);
    int status = fill(&f);
    yamlfile_free(yaml);
    if (status != 0) {
        study_free(&w->s);
        return status;
    }
    *ret = &w->s;
    return 0;
}

int study_load(const char *dir, struct study **ret, struct error *err)
{
    char path[PATH_MAX];
    struct buf text;
    struct stat st;
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    if (snprintf(path, sizeof path, "%.*s/study.yaml", (int)len, dir) >= (int)sizeof path)
        return error_set(err, ERROR_USAGE, "the folder's name is too long: %.80s...", dir);
    if (stat(path, &st) != 0 && errno == ENOENT)
        return error_set(err, ERROR_USAGE,
                         "%s: there is no such file (telltale init DIR makes a study)", path);
    if (yamlfile_read(path, &text, err) != 0)
        return ERROR_FAILED;
    char *folder = memory_text(dir, len);
    int status = study_parse(folder, path, text.at ? text.at : "", text.len, ret, err);
    free(folder);
    buf_done(&text);
    return status;
}

void study_free(struct study *s)
{
    if (!s)
        return;
    struct whole_study *w = (struct whole_study *)s;
    lpm_free(s->population_lpm);
    lpm_free(s->kept_lpm);
    zone_free(w->zone);
    arena_free(w->arena);
    free(w);
}
