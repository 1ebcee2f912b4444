/* SPDX-License-Identifier: Apache-2.0 */
/* world.yaml to struct world: texts become values, hosts and servers get their addresses, shares
 * become conversations a day. Everything random here comes from streams named after what they are
 * for, so that a changed entry leaves the others as they were. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "study/value.h"
#include "study/yamlfile.h"
#include "world/world_in.h"

enum { WORLD_ARENA_OCTETS = 512 << 20, HOSTS_MAX = 20000, ADDRESSES_MAX = 10000 };

const char *const world_role_names[WORLD_ROLES] = {"consumed", "peer", "served", "unanswered"};

/* ---- what the file says ---- */

struct clock_text {
    const char *from, *to;
};

struct population_text {
    const char *prefix, *label;
    uint32_t hosts;
};

struct platform_text {
    const char *platform;
    double share;
};

struct pivot_text {
    const char *prefix, *label, *from, *to;
    uint32_t hosts;
};

struct step_text {
    const char *from;
    double level;
};

struct rhythm_text {
    struct step_text *weekday, *weekend;
    uint32_t weekday_count, weekend_count;
};

struct noise_text {
    double day, day_lasts, service, service_lasts;
};

struct events_text {
    const char *file;
    double effect;
};

struct server_text {
    const char *prefix, *country;
    double *weight;
};

struct traffic_text {
    const char *service, *name, *category, *label, *kind, *technique, *protocol, *from, *to;
    const char *platform, *via, *relays;
    bool relayed;
    double every, jitter, *answered;
    int role, rhythm;
    bool daily;
    double share, per_day;
    double *audience, *octets, *spread, *seconds, *inbound, *unnamed, *weekend;
    uint32_t hosts, addresses;
    uint32_t *ports;
    uint32_t ports_count;
    const char **names, **local;
    uint32_t names_count, local_count;
    struct server_text *servers;
    uint32_t servers_count;
};

struct world_text {
    const char *name, *timezone;
    uint64_t seed;
    struct clock_text period, busy;
    struct population_text *population;
    uint32_t population_count;
    double conversations_per_day, activity_spread;
    struct noise_text noise;
    double *weekdays;
    uint32_t weekdays_count;
    struct rhythm_text rhythm;
    double unnamed;
    uint32_t sampling;
    struct events_text events;
    struct platform_text *devices;
    uint32_t devices_count;
    struct pivot_text *pivots;
    uint32_t pivots_count;
    struct clock_text *gaps;
    uint32_t gaps_count;
    struct traffic_text *traffic;
    uint32_t traffic_count;
};

#define OPTIONAL CYAML_FLAG_OPTIONAL
#define TEXT(key, type, member)                                                                    \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, CYAML_UNLIMITED)
#define TEXT_OPTIONAL(key, type, member)                                                           \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | OPTIONAL, type, member, 0, CYAML_UNLIMITED)
#define NUMBER(key, type, member)          CYAML_FIELD_FLOAT(key, CYAML_FLAG_DEFAULT, type, member)
#define NUMBER_OPTIONAL(key, type, member) CYAML_FIELD_FLOAT(key, OPTIONAL, type, member)
#define NUMBER_OR_NOT(key, type, member)   CYAML_FIELD_FLOAT_PTR(key, OPTIONAL, type, member)

static const cyaml_schema_field_t clock_fields[] = {
    TEXT("from", struct clock_text, from), TEXT("to", struct clock_text, to), CYAML_FIELD_END};
static const cyaml_schema_value_t gap_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct clock_text, clock_fields)};

static const cyaml_schema_field_t population_fields[] = {
    TEXT("prefix", struct population_text, prefix),
    TEXT_OPTIONAL("label", struct population_text, label),
    CYAML_FIELD_UINT("hosts", CYAML_FLAG_DEFAULT, struct population_text, hosts), CYAML_FIELD_END};
static const cyaml_schema_value_t population_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct population_text, population_fields)};

static const cyaml_schema_field_t platform_fields[] = {
    TEXT("platform", struct platform_text, platform), NUMBER("share", struct platform_text, share),
    CYAML_FIELD_END};
static const cyaml_schema_value_t platform_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct platform_text, platform_fields)};

static const cyaml_schema_field_t pivot_fields[] = {
    TEXT("prefix", struct pivot_text, prefix),
    TEXT("label", struct pivot_text, label),
    TEXT_OPTIONAL("from", struct pivot_text, from),
    TEXT_OPTIONAL("to", struct pivot_text, to),
    CYAML_FIELD_UINT("hosts", CYAML_FLAG_DEFAULT, struct pivot_text, hosts),
    CYAML_FIELD_END};
static const cyaml_schema_value_t pivot_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct pivot_text, pivot_fields)};

static const cyaml_schema_field_t step_fields[] = {TEXT("from", struct step_text, from),
                                                   NUMBER("level", struct step_text, level),
                                                   CYAML_FIELD_END};
static const cyaml_schema_value_t step_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct step_text, step_fields)};

static const cyaml_schema_field_t rhythm_fields[] = {
    CYAML_FIELD_SEQUENCE("weekday", CYAML_FLAG_POINTER, struct rhythm_text, weekday, &step_entry, 1,
                         CHUNKS_A_DAY),
    CYAML_FIELD_SEQUENCE("weekend", CYAML_FLAG_POINTER, struct rhythm_text, weekend, &step_entry, 1,
                         CHUNKS_A_DAY),
    CYAML_FIELD_END};

static const cyaml_schema_field_t noise_fields[] = {
    NUMBER_OPTIONAL("day", struct noise_text, day),
    NUMBER_OPTIONAL("day_lasts", struct noise_text, day_lasts),
    NUMBER_OPTIONAL("service", struct noise_text, service),
    NUMBER_OPTIONAL("service_lasts", struct noise_text, service_lasts), CYAML_FIELD_END};

static const cyaml_schema_field_t events_fields[] = {
    TEXT("file", struct events_text, file), NUMBER_OPTIONAL("effect", struct events_text, effect),
    CYAML_FIELD_END};

static const cyaml_schema_field_t server_fields[] = {
    TEXT("prefix", struct server_text, prefix), TEXT("country", struct server_text, country),
    NUMBER_OR_NOT("weight", struct server_text, weight), CYAML_FIELD_END};
static const cyaml_schema_value_t server_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct server_text, server_fields)};

static const cyaml_schema_value_t number_entry = {CYAML_VALUE_FLOAT(CYAML_FLAG_DEFAULT, double)};
static const cyaml_schema_value_t port_entry = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t)};
static const cyaml_schema_value_t text_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, NAME_TEXT_MAX)};

static const cyaml_strval_t roles[] = {{"consumed", WORLD_CONSUMED},
                                       {"peer", WORLD_PEER},
                                       {"served", WORLD_SERVED},
                                       {"unanswered", WORLD_UNANSWERED}};
static const cyaml_strval_t rhythms[] = {{"human", 0}, {"flat", 1}};

#define TRAFFIC_LIST(key, member, entry, most)                                                     \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | OPTIONAL, struct traffic_text, member, &entry,  \
                         1, most)

static const cyaml_schema_field_t traffic_fields[] = {
    TEXT_OPTIONAL("service", struct traffic_text, service),
    TEXT_OPTIONAL("name", struct traffic_text, name),
    TEXT_OPTIONAL("category", struct traffic_text, category),
    TEXT_OPTIONAL("label", struct traffic_text, label),
    TEXT_OPTIONAL("kind", struct traffic_text, kind),
    TEXT_OPTIONAL("technique", struct traffic_text, technique),
    CYAML_FIELD_ENUM("role", OPTIONAL | CYAML_FLAG_STRICT, struct traffic_text, role, roles, 4),
    CYAML_FIELD_ENUM("rhythm", OPTIONAL | CYAML_FLAG_STRICT, struct traffic_text, rhythm, rhythms,
                     2),
    CYAML_FIELD_BOOL("daily", OPTIONAL, struct traffic_text, daily),
    NUMBER_OPTIONAL("share", struct traffic_text, share),
    NUMBER_OPTIONAL("per_day", struct traffic_text, per_day),
    TEXT_OPTIONAL("platform", struct traffic_text, platform),
    TEXT_OPTIONAL("via", struct traffic_text, via),
    TEXT_OPTIONAL("relays", struct traffic_text, relays),
    CYAML_FIELD_BOOL("relayed", OPTIONAL, struct traffic_text, relayed),
    NUMBER_OPTIONAL("every", struct traffic_text, every),
    NUMBER_OPTIONAL("jitter", struct traffic_text, jitter),
    NUMBER_OR_NOT("answered", struct traffic_text, answered),
    TEXT_OPTIONAL("from", struct traffic_text, from),
    TEXT_OPTIONAL("to", struct traffic_text, to),
    NUMBER_OR_NOT("audience", struct traffic_text, audience),
    CYAML_FIELD_UINT("hosts", OPTIONAL, struct traffic_text, hosts),
    NUMBER_OR_NOT("octets", struct traffic_text, octets),
    NUMBER_OR_NOT("spread", struct traffic_text, spread),
    NUMBER_OR_NOT("seconds", struct traffic_text, seconds),
    NUMBER_OR_NOT("inbound", struct traffic_text, inbound),
    NUMBER_OR_NOT("unnamed", struct traffic_text, unnamed),
    NUMBER_OR_NOT("weekend", struct traffic_text, weekend),
    TEXT_OPTIONAL("protocol", struct traffic_text, protocol),
    TRAFFIC_LIST("ports", ports, port_entry, 1000),
    TRAFFIC_LIST("names", names, text_entry, 10000),
    TRAFFIC_LIST("local", local, text_entry, 10000),
    CYAML_FIELD_UINT("addresses", OPTIONAL, struct traffic_text, addresses),
    CYAML_FIELD_SEQUENCE("servers", CYAML_FLAG_POINTER, struct traffic_text, servers, &server_entry,
                         1, 10000),
    CYAML_FIELD_END};
static const cyaml_schema_value_t traffic_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct traffic_text, traffic_fields)};

static const cyaml_schema_field_t world_fields[] = {
    TEXT("name", struct world_text, name),
    CYAML_FIELD_UINT("seed", CYAML_FLAG_DEFAULT, struct world_text, seed),
    TEXT("timezone", struct world_text, timezone),
    CYAML_FIELD_MAPPING("period", CYAML_FLAG_DEFAULT, struct world_text, period, clock_fields),
    CYAML_FIELD_SEQUENCE("population", CYAML_FLAG_POINTER, struct world_text, population,
                         &population_entry, 1, 10000),
    NUMBER("conversations_per_day", struct world_text, conversations_per_day),
    NUMBER_OPTIONAL("activity_spread", struct world_text, activity_spread),
    CYAML_FIELD_MAPPING("noise", OPTIONAL, struct world_text, noise, noise_fields),
    CYAML_FIELD_SEQUENCE("weekdays", CYAML_FLAG_POINTER | OPTIONAL, struct world_text, weekdays,
                         &number_entry, 7, 7),
    CYAML_FIELD_MAPPING("rhythm", CYAML_FLAG_DEFAULT, struct world_text, rhythm, rhythm_fields),
    CYAML_FIELD_MAPPING("busy", CYAML_FLAG_DEFAULT, struct world_text, busy, clock_fields),
    NUMBER_OPTIONAL("unnamed", struct world_text, unnamed),
    CYAML_FIELD_UINT("sampling", OPTIONAL, struct world_text, sampling),
    CYAML_FIELD_MAPPING("events", OPTIONAL, struct world_text, events, events_fields),
    CYAML_FIELD_SEQUENCE("devices", CYAML_FLAG_POINTER | OPTIONAL, struct world_text, devices,
                         &platform_entry, 1, 100),
    CYAML_FIELD_SEQUENCE("pivots", CYAML_FLAG_POINTER | OPTIONAL, struct world_text, pivots,
                         &pivot_entry, 1, 1000),
    CYAML_FIELD_SEQUENCE("gaps", CYAML_FLAG_POINTER | OPTIONAL, struct world_text, gaps, &gap_entry,
                         0, 10000),
    CYAML_FIELD_SEQUENCE("traffic", CYAML_FLAG_POINTER, struct world_text, traffic, &traffic_entry,
                         1, 10000),
    CYAML_FIELD_END};
static const cyaml_schema_value_t world_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct world_text, world_fields)};

/* ---- texts to values ---- */

struct filling {
    struct world *w;
    const struct world_text *text;
    const struct yamlfile *yaml;
    double scale;
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

static int fill_period(const struct filling *f)
{
    struct world *w = f->w;
    const struct clock_text *p = &f->text->period;
    struct error why = {0};
    if (zone_open(f->text->timezone, &w->zone, &why) != 0)
        return yamlfile_wrong(f->yaml, f->err, "timezone", "timezone: %s", why.text);
    if (date_parse(p->from, strlen(p->from), &w->from_day) != 0 || w->from_day < 1)
        return yamlfile_wrong(f->yaml, f->err, "period.from", "period: '%.40s' is not a date",
                              p->from);
    if (date_parse(p->to, strlen(p->to), &w->to_day) != 0 || w->to_day < w->from_day)
        return yamlfile_wrong(f->yaml, f->err, "period.to",
                              "period: '%.40s' is not a date, or before from", p->to);
    return 0;
}

/* "09:00" as half hours of the day, up to "24:00". */
static int half_hours(const char *text, unsigned *ret)
{
    if (strlen(text) != 5 || text[2] != ':' || strspn(text, "0123456789:") != 5)
        return -1;
    unsigned minutes = (unsigned)(atoi(text) * 60 + atoi(text + 3));
    if (minutes % 30 != 0 || minutes > 24 * 60)
        return -1;
    *ret = minutes / 30;
    return 0;
}

static int fill_rhythm_of(const struct filling *f, const char *key, const struct step_text *steps,
                          size_t count, double levels[CHUNKS_A_DAY])
{
    double sum = 0;
    unsigned before = 0;
    for (size_t i = 0; i < count; i++) {
        char where[64];
        unsigned from;
        snprintf(where, sizeof where, "rhythm.%s[%zu].from", key, i);
        if (half_hours(steps[i].from, &from) != 0 || from >= CHUNKS_A_DAY ||
            (i == 0 ? from != 0 : from <= before) || !(steps[i].level >= 0))
            return yamlfile_wrong(f->yaml, f->err, where,
                                  "rhythm: '%.40s' is not a full or half hour after the one before "
                                  "(the first is 00:00), or its level is below 0",
                                  steps[i].from);
        for (unsigned c = from; c < CHUNKS_A_DAY; c++)
            levels[c] = steps[i].level;
        before = from;
    }
    for (unsigned c = 0; c < CHUNKS_A_DAY; c++)
        sum += levels[c];
    if (!(sum > 0))
        return yamlfile_wrong(f->yaml, f->err, "rhythm", "rhythm: %s has no activity", key);
    for (unsigned c = 0; c < CHUNKS_A_DAY; c++)
        levels[c] /= sum;
    return 0;
}

static int fill_rhythm(const struct filling *f)
{
    struct world *w = f->w;
    const struct rhythm_text *r = &f->text->rhythm;
    unsigned from, to;
    double sum = 0;
    for (size_t i = 0; i < 7; i++) {
        w->weekdays[i] = f->text->weekdays_count ? f->text->weekdays[i] : 1;
        sum += w->weekdays[i];
        if (!(w->weekdays[i] >= 0))
            return yamlfile_wrong(f->yaml, f->err, "weekdays", "weekdays: a number is below 0");
    }
    if (!(sum > 0))
        return yamlfile_wrong(f->yaml, f->err, "weekdays", "weekdays: all are 0");
    for (size_t i = 0; i < 7; i++)
        w->weekdays[i] *= 7 / sum;
    if (fill_rhythm_of(f, "weekday", r->weekday, r->weekday_count, w->rhythm[0]) != 0 ||
        fill_rhythm_of(f, "weekend", r->weekend, r->weekend_count, w->rhythm[1]) != 0)
        return ERROR_USAGE;
    if (half_hours(f->text->busy.from, &from) != 0 || half_hours(f->text->busy.to, &to) != 0)
        return yamlfile_wrong(f->yaml, f->err, "busy", "busy: full or half hours are needed");
    w->busy_from_hour = from / 2.0;
    w->busy_to_hour = to / 2.0;
    return 0;
}

static int fill_noise(const struct filling *f)
{
    const struct noise_text *n = &f->text->noise;
    const double values[] = {n->day, n->service}, lasts[] = {n->day_lasts, n->service_lasts};
    for (int i = 0; i < 2; i++)
        if (!(values[i] >= 0 && values[i] <= 3 && lasts[i] >= 0 && lasts[i] < 1))
            return yamlfile_wrong(f->yaml, f->err, "noise",
                                  "noise: spreads are 0 to 3, what lasts is 0 to below 1");
    f->w->day_sigma = n->day;
    f->w->day_lasts = n->day_lasts;
    f->w->service_sigma = n->service;
    f->w->service_lasts = n->service_lasts;
    f->w->sampling = f->text->sampling ? f->text->sampling : 1;
    return 0;
}

/* ---- addresses ---- */

/* How many addresses of the prefix can be used, at most 2^40. */
static uint64_t prefix_room(const struct prefix *p)
{
    unsigned bits = 128u - p->len_bits;
    return bits >= 40 ? (uint64_t)1 << 40 : (uint64_t)1 << bits;
}

static struct ip address_at(const struct prefix *p, uint64_t index)
{
    struct ip ip = p->ip;
    for (int i = IP_OCTETS - 1; i >= 0 && index; i--, index >>= 8)
        ip.octet[i] = (uint8_t)(ip.octet[i] | (index & 0xff));
    return ip;
}

/* `count` different addresses; the first and last of an IPv4 network are left out. */
static void pick_addresses(const struct prefix *p, size_t count, struct random *r, struct ip *ret)
{
    uint64_t room = prefix_room(p), first = room > 2 ? 1 : 0, usable = room > 2 ? room - 2 : room;
    for (size_t n = 0; n < count;) {
        ret[n] = address_at(p, first + random_below(r, usable));
        bool twin = false;
        for (size_t i = 0; i < n && !twin; i++)
            twin = ip_equal(&ret[i], &ret[n]);
        n += !twin;
    }
}

static int read_prefix(const struct filling *f, const char *where, const char *text,
                       struct prefix *ret)
{
    char why[VALUE_WHY_MAX];
    return value_prefix(text, ret, why) == 0 ? 0
                                             : yamlfile_wrong(f->yaml, f->err, where, "%s", why);
}

/* Addresses that the file names under `local`: servers among the population. */
static size_t named_hosts(const struct filling *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->text->traffic_count; i++)
        n += f->text->traffic[i].local_count;
    return n;
}

static size_t pivot_hosts(const struct filling *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->text->pivots_count; i++)
        n += f->text->pivots[i].hosts;
    return n;
}

static int fill_population(const struct filling *f)
{
    struct world *w = f->w;
    size_t n = f->text->population_count, total = 0;
    struct random place, activity;
    random_init_named(&place, w->seed, "hosts");
    random_init_named(&activity, w->seed, "activity");
    w->population = arena_array(w->arena, n, sizeof *w->population);
    w->population_count = n;
    for (size_t i = 0; i < n; i++) {
        const struct population_text *t = &f->text->population[i];
        char where[64];
        snprintf(where, sizeof where, "population[%zu].prefix", i);
        if (read_prefix(f, where, t->prefix, &w->population[i].prefix) != 0)
            return ERROR_USAGE;
        w->population[i].label = keep(f, t->label);
        total += t->hosts;
        if (t->hosts > prefix_room(&w->population[i].prefix) / 2 + 1 || total > HOSTS_MAX)
            return yamlfile_wrong(f->yaml, f->err, where,
                                  "population: %u hosts are too many for half of %s", t->hosts,
                                  t->prefix);
    }
    if (total == 0)
        return yamlfile_wrong(f->yaml, f->err, "population", "population: there are no hosts");
    w->hosts = arena_array(w->arena, total + named_hosts(f) + pivot_hosts(f), sizeof *w->hosts);
    for (size_t i = 0; i < n; i++) {
        uint32_t hosts = f->text->population[i].hosts;
        struct ip *ips = memory_array(hosts, sizeof *ips);
        pick_addresses(&w->population[i].prefix, hosts, &place, ips);
        for (uint32_t h = 0; h < hosts; h++)
            w->hosts[w->people++] = (struct world_host){
                .ip = ips[h],
                .weight = exp(f->text->activity_spread * random_normal(&activity)),
                .port = 32768};
        free(ips);
    }
    w->host_count = w->people;
    return 0;
}

/* Which device each of the people uses; without a list nothing is said of devices. */
static int fill_devices(const struct filling *f)
{
    struct world *w = f->w;
    struct random r;
    double sum = 0, until = 0;
    random_init_named(&r, w->seed, "devices");
    w->platform_count = f->text->devices_count;
    w->platforms = arena_array(w->arena, w->platform_count, sizeof *w->platforms);
    for (size_t i = 0; i < w->platform_count; i++)
        sum += f->text->devices[i].share;
    for (size_t i = 0; i < w->platform_count; i++) {
        if (!(f->text->devices[i].share >= 0 && sum > 0))
            return yamlfile_wrong(f->yaml, f->err, "devices", "devices: a share is below 0");
        until += f->text->devices[i].share / sum;
        w->platforms[i] = (struct world_platform){keep(f, f->text->devices[i].platform), until};
    }
    for (size_t h = 0; h < w->people && w->platform_count; h++) {
        double u = random_unit(&r);
        size_t k = 0;
        while (k + 1 < w->platform_count && w->platforms[k].until <= u)
            k++;
        w->hosts[h].platform = (uint8_t)k;
    }
    return 0;
}

static int fill_day_range(const struct filling *f, const char *at, const char *from, const char *to,
                          int32_t *from_day, int32_t *to_day)
{
    *from_day = INT32_MIN;
    *to_day = INT32_MAX;
    if (given(from) && date_parse(from, strlen(from), from_day) != 0)
        return yamlfile_wrong(f->yaml, f->err, at, "from: '%.40s' is not a date", from);
    if (given(to) && date_parse(to, strlen(to), to_day) != 0)
        return yamlfile_wrong(f->yaml, f->err, at, "to: '%.40s' is not a date", to);
    return 0;
}

static int fill_pivots(const struct filling *f)
{
    struct world *w = f->w;
    struct random place;
    random_init_named(&place, w->seed, "pivots");
    w->pivot_count = f->text->pivots_count;
    w->pivots = arena_array(w->arena, w->pivot_count, sizeof *w->pivots);
    for (size_t i = 0; i < w->pivot_count; i++) {
        const struct pivot_text *t = &f->text->pivots[i];
        struct world_pivot *p = &w->pivots[i];
        char where[64];
        snprintf(where, sizeof where, "pivots[%zu].prefix", i);
        if (read_prefix(f, where, t->prefix, &p->prefix) != 0 ||
            fill_day_range(f, where, t->from, t->to, &p->from_day, &p->to_day) != 0)
            return ERROR_USAGE;
        if (t->hosts == 0 || t->hosts > prefix_room(&p->prefix) / 2 + 1)
            return yamlfile_wrong(f->yaml, f->err, where,
                                  "pivots: 1 to half of the prefix's addresses can be hosts");
        p->label = keep(f, t->label);
        p->hosts = &w->hosts[w->host_count];
        p->host_count = t->hosts;
        struct ip *ips = memory_array(t->hosts, sizeof *ips);
        pick_addresses(&p->prefix, t->hosts, &place, ips);
        for (uint32_t h = 0; h < t->hosts; h++)
            w->hosts[w->host_count++] =
                (struct world_host){.ip = ips[h], .weight = 1, .port = 32768};
        free(ips);
    }
    return 0;
}

/* Index + 1; 0 where none is named. */
static int find_pivot(const struct filling *f, const char *at, const char *label, size_t *ret)
{
    *ret = 0;
    for (size_t i = 0; given(label) && i < f->w->pivot_count; i++)
        if (strcmp(f->w->pivots[i].label, label) == 0)
            *ret = i + 1;
    if (given(label) && !*ret)
        return yamlfile_wrong(f->yaml, f->err, at, "traffic: no pivot has the label '%.60s'",
                              label);
    return 0;
}

static int fill_servers(const struct filling *f, const char *at, const struct traffic_text *t,
                        struct world_traffic *to, struct random *r)
{
    size_t each = t->addresses ? t->addresses : 6, total = 0;
    double sum = 0, until = 0;
    if (each > ADDRESSES_MAX || each * t->servers_count > 10 * ADDRESSES_MAX)
        return yamlfile_wrong(f->yaml, f->err, at, "addresses: at most %d", ADDRESSES_MAX);
    for (size_t i = 0; i < t->servers_count; i++)
        sum += t->servers[i].weight ? *t->servers[i].weight : 1;
    to->servers = arena_array(f->w->arena, t->servers_count * each, sizeof *to->servers);
    to->server_until = arena_array(f->w->arena, t->servers_count * each, sizeof *to->server_until);
    for (size_t i = 0; i < t->servers_count; i++) {
        const struct server_text *s = &t->servers[i];
        struct prefix prefix;
        char where[96];
        snprintf(where, sizeof where, "%s.servers[%zu].prefix", at, i);
        if (read_prefix(f, where, s->prefix, &prefix) != 0)
            return ERROR_USAGE;
        if (strlen(s->country) != 2)
            return yamlfile_wrong(f->yaml, f->err, where, "country: '%.20s' has not two letters",
                                  s->country);
        if (i > 0 && ip_is_v4(&prefix.ip) != ip_is_v4(&to->servers[0].ip))
            return yamlfile_wrong(f->yaml, f->err, where,
                                  "servers: IPv4 and IPv6 need an entry of their own each");
        uint64_t room = prefix_room(&prefix), usable = room > 2 ? room - 2 : room;
        size_t count = each < usable ? each : (size_t)usable;
        struct ip *ips = memory_array(count, sizeof *ips);
        pick_addresses(&prefix, count, r, ips);
        double weight = (s->weight ? *s->weight : 1) / sum;
        for (size_t n = 0; n < count; n++) {
            until += weight / (double)count;
            to->server_until[total] = until;
            to->servers[total++] = (struct world_server){ips[n], keep(f, s->country)};
        }
        free(ips);
    }
    to->server_until[total - 1] = 1;
    to->server_count = total;
    return 0;
}

/* ---- who takes part ---- */

static void set_hosts(struct world *w, struct world_traffic *t, struct world_host **hosts,
                      size_t count)
{
    double sum = 0, until = 0;
    t->hosts = arena_array(w->arena, count, sizeof(struct world_host *));
    t->host_until = arena_array(w->arena, count, sizeof *t->host_until);
    t->host_count = count;
    for (size_t i = 0; i < count; i++)
        sum += hosts[i]->weight;
    for (size_t i = 0; i < count; i++) {
        t->hosts[i] = hosts[i];
        until += hosts[i]->weight / sum;
        t->host_until[i] = until;
    }
    t->host_until[count - 1] = 1;
}

static bool is_able(const struct world *w, const struct world_traffic *t, size_t host, bool v4)
{
    return ip_is_v4(&w->hosts[host].ip) == v4 &&
           (!*t->platform ||
            (w->platform_count &&
             strcmp(w->platforms[w->hosts[host].platform].name, t->platform) == 0));
}

static void pivots_hosts(struct world *w, struct world_traffic *t)
{
    const struct world_pivot *p = &w->pivots[t->via - 1];
    struct world_host **chosen = memory_array(p->host_count, sizeof(struct world_host *));
    for (size_t i = 0; i < p->host_count; i++)
        chosen[i] = &p->hosts[i];
    set_hosts(w, t, chosen, p->host_count);
    free(chosen);
}

/* What a pivot takes on goes to its own addresses, whatever servers the file names. */
static void pivots_servers(struct world *w, struct world_traffic *t)
{
    const struct world_pivot *p = &w->pivots[t->relays - 1];
    const char *country = t->servers[0].country;
    t->servers = arena_array(w->arena, p->host_count, sizeof *t->servers);
    t->server_until = arena_array(w->arena, p->host_count, sizeof *t->server_until);
    t->server_count = p->host_count;
    for (size_t i = 0; i < p->host_count; i++) {
        t->servers[i] = (struct world_server){p->hosts[i].ip, country};
        t->server_until[i] = (double)(i + 1) / (double)p->host_count;
    }
}

/* `hosts` of the people, or each with the chance `audience`, but never nobody; those who speak the
 * servers' version of IP. */
static int choose_hosts(const struct filling *f, const char *at, struct world_traffic *to,
                        const struct traffic_text *t, struct random *r)
{
    struct world *w = f->w;
    bool v4 = ip_is_v4(&to->servers[0].ip);
    size_t able = 0, count = 0;
    for (size_t i = 0; i < w->people; i++)
        able += is_able(w, to, i, v4);
    if (able == 0)
        return yamlfile_wrong(f->yaml, f->err, at,
                              "traffic: no host has IPv%d as its servers do, and its platform",
                              v4 ? 4 : 6);
    struct world_host **chosen = memory_array(w->people, sizeof(struct world_host *)), *last = NULL;
    size_t wanted = t->hosts < able ? t->hosts : able;
    double audience = t->audience ? *t->audience : 1;
    for (size_t left = able, i = 0; i < w->people; i++) {
        if (!is_able(w, to, i, v4))
            continue;
        last = &w->hosts[i];
        if (wanted ? random_below(r, left) < wanted - count : random_unit(r) < audience)
            chosen[count++] = last;
        left--;
    }
    if (count == 0)
        chosen[count++] = last;
    set_hosts(w, to, chosen, count);
    free(chosen);
    return 0;
}

static int named_local(const struct filling *f, const char *at, struct world_traffic *to,
                       const struct traffic_text *t)
{
    struct world *w = f->w;
    struct world_host **chosen = memory_array(t->local_count, sizeof(struct world_host *));
    int status = 0;
    for (size_t i = 0; i < t->local_count && status == 0; i++) {
        struct ip ip;
        bool inside = ip_parse(t->local[i], strlen(t->local[i]), &ip), found = false;
        for (size_t p = 0; p < w->population_count && inside && !found; p++)
            found = prefix_contains(&w->population[p].prefix, &ip) &&
                    ip_is_v4(&ip) == ip_is_v4(&to->servers[0].ip);
        if (!found)
            status = yamlfile_wrong(f->yaml, f->err, at,
                                    "local: '%.60s' is not an address of the population, or of "
                                    "another version of IP than the servers",
                                    t->local[i]);
        struct world_host *host = &w->hosts[w->host_count];
        *host = (struct world_host){.ip = ip, .weight = 1, .port = 32768};
        for (size_t h = 0; h < w->host_count; h++)
            if (ip_equal(&w->hosts[h].ip, &ip))
                host = &w->hosts[h];
        w->host_count += host == &w->hosts[w->host_count];
        chosen[i] = host;
    }
    if (status == 0)
        set_hosts(w, to, chosen, t->local_count);
    free(chosen);
    return status;
}

static double number_or(const double *given_number, double otherwise)
{
    return given_number ? *given_number : otherwise;
}

static int fill_numbers(const struct filling *f, const char *at, const struct traffic_text *t,
                        struct world_traffic *to)
{
    to->octets = number_or(t->octets, 60000);
    to->spread = number_or(t->spread, 1.2);
    to->seconds = number_or(t->seconds, 25);
    to->inbound = number_or(t->inbound, 0.92);
    to->unnamed = t->names_count ? number_or(t->unnamed, f->text->unnamed) : 1;
    to->weekend = number_or(t->weekend, 1);
    to->role = (enum world_role)t->role;
    to->flat = t->rhythm == 1;
    to->daily = t->daily;
    if (!(to->octets >= 100 && to->octets < 1e12 && to->spread >= 0 && to->spread <= 3 &&
          to->seconds >= 0 && to->seconds <= 7200 && to->inbound >= 0 && to->inbound <= 1 &&
          to->unnamed >= 0 && to->unnamed <= 1 && to->weekend >= 0))
        return yamlfile_wrong(
            f->yaml, f->err, at,
            "octets is 100 to 1e12, spread 0 to 3, seconds 0 to 7200, inbound and "
            "unnamed 0 to 1, weekend at least 0");
    if ((t->share > 0) == (t->per_day > 0) || t->share < 0 || t->per_day < 0)
        return yamlfile_wrong(f->yaml, f->err, at, "traffic: share or per_day is needed, not both");
    if (t->share > 0 && to->role != WORLD_CONSUMED && to->role != WORLD_PEER)
        return yamlfile_wrong(f->yaml, f->err, at, "traffic: served and unanswered take per_day");
    const char *protocol = given(t->protocol) ? t->protocol : "tcp";
    to->protocol = strcmp(protocol, "udp") == 0 ? 17 : 6;
    if (strcmp(protocol, "udp") != 0 && strcmp(protocol, "tcp") != 0)
        return yamlfile_wrong(f->yaml, f->err, at, "protocol: tcp or udp, not '%.20s'", protocol);
    return 0;
}

static int fill_days(const struct filling *f, const char *at, const struct traffic_text *t,
                     struct world_traffic *to)
{
    if (fill_day_range(f, at, t->from, t->to, &to->from_day, &to->to_day) != 0)
        return ERROR_USAGE;
    if (to->via) { /* never outside of the pivot's own dates */
        const struct world_pivot *p = &f->w->pivots[to->via - 1];
        to->from_day = to->from_day > p->from_day ? to->from_day : p->from_day;
        to->to_day = to->to_day < p->to_day ? to->to_day : p->to_day;
    }
    return 0;
}

static int fill_ways(const struct filling *f, const char *at, const struct traffic_text *t,
                     struct world_traffic *to)
{
    to->platform = keep(f, t->platform);
    to->relayed = t->relayed;
    to->every_s = t->every;
    to->jitter_s = t->jitter;
    to->answered = number_or(t->answered, 1);
    if (!(t->every >= 0 && t->jitter >= 0 && to->answered >= 0 && to->answered <= 1))
        return yamlfile_wrong(f->yaml, f->err, at,
                              "every and jitter are seconds, answered is 0 to 1");
    if (find_pivot(f, at, t->via, &to->via) != 0 || find_pivot(f, at, t->relays, &to->relays) != 0)
        return ERROR_USAGE;
    if (to->relayed && !to->via)
        return yamlfile_wrong(f->yaml, f->err, at, "relayed: only what is via a pivot can be");
    if (to->via && t->share > 0)
        return yamlfile_wrong(f->yaml, f->err, at, "via: per_day is needed, not share");
    return 0;
}

static int fill_texts(const struct filling *f, const char *at, const struct traffic_text *t,
                      struct world_traffic *to)
{
    to->service = keep(f, t->service);
    to->name = given(t->name) ? keep(f, t->name) : to->service;
    to->category = keep(f, t->category);
    to->label = keep(f, t->label);
    to->kind = keep(f, t->kind);
    to->technique = keep(f, t->technique);
    if (*to->service && !*to->category)
        return yamlfile_wrong(f->yaml, f->err, at, "traffic: a service needs a category");
    if (!*to->service && !*to->label)
        return yamlfile_wrong(f->yaml, f->err, at, "traffic: service or label is needed");
    to->port_count = t->ports_count ? t->ports_count : 1;
    to->ports = arena_array(f->w->arena, to->port_count, sizeof *to->ports);
    to->ports[0] = 443;
    for (size_t i = 0; i < t->ports_count; i++) {
        to->ports[i] = t->ports[i];
        if (t->ports[i] > 65535)
            return yamlfile_wrong(f->yaml, f->err, at, "ports: %u is not a port", t->ports[i]);
    }
    to->names = arena_array(f->w->arena, t->names_count, sizeof *to->names);
    to->name_count = t->names_count;
    for (size_t i = 0; i < t->names_count; i++)
        to->names[i] = keep(f, t->names[i]);
    return 0;
}

static int fill_traffic(const struct filling *f)
{
    struct world *w = f->w;
    size_t n = f->text->traffic_count;
    double shares = 0;
    w->traffic = arena_array(w->arena, n, sizeof *w->traffic);
    w->traffic_count = n;
    for (size_t i = 0; i < n; i++)
        shares += f->text->traffic[i].share > 0 ? f->text->traffic[i].share : 0;
    for (size_t i = 0; i < n; i++) {
        const struct traffic_text *t = &f->text->traffic[i];
        struct world_traffic *to = &w->traffic[i];
        char at[48], stream[400];
        struct random r;
        snprintf(at, sizeof at, "traffic[%zu]", i);
        if (fill_texts(f, at, t, to) != 0 || fill_numbers(f, at, t, to) != 0 ||
            fill_ways(f, at, t, to) != 0 || fill_days(f, at, t, to) != 0)
            return ERROR_USAGE;
        to->per_day = f->scale * (t->share > 0 ? f->text->conversations_per_day * t->share / shares
                                               : t->per_day);
        snprintf(stream, sizeof stream, "places of %.150s %.150s", to->service, to->label);
        random_init_named(&r, w->seed, stream);
        if (fill_servers(f, at, t, to, &r) != 0)
            return ERROR_USAGE;
        if (to->relays)
            pivots_servers(w, to);
        if (to->via)
            pivots_hosts(w, to);
        else if (t->local_count ? named_local(f, at, to, t) != 0
                                : choose_hosts(f, at, to, t, &r) != 0)
            return ERROR_USAGE;
    }
    return 0;
}

static int fill_events(const struct filling *f)
{
    const char *file = f->text->events.file, *slash = strrchr(f->w->path, '/');
    struct buf text;
    struct error why = {0};
    if (!given(file))
        return 0;
    const char *path =
        arena_format(f->w->arena, "%.*s%s",
                     slash && file[0] != '/' ? (int)(slash - f->w->path) + 1 : 0, f->w->path, file);
    if (yamlfile_read(path, &text, &why) != 0)
        return yamlfile_wrong(f->yaml, f->err, "events.file", "events: %s", why.text);
    int status = events_parse(path, text.at ? text.at : "", text.len, f->w->zone, f->w->arena,
                              &f->w->events, f->err);
    buf_done(&text);
    event_list_sort(&f->w->events);
    f->w->event_effect = f->text->events.effect;
    return status;
}

static int fill_gaps(const struct filling *f)
{
    struct world *w = f->w;
    w->gap_count = f->text->gaps_count;
    w->gaps = arena_array(w->arena, w->gap_count, sizeof *w->gaps);
    for (size_t i = 0; i < w->gap_count; i++) {
        const struct clock_text *t = &f->text->gaps[i];
        struct world_gap *g = &w->gaps[i];
        char where[48];
        _Bool date_only;
        snprintf(where, sizeof where, "gaps[%zu]", i);
        if (value_time(t->from, w->zone, &g->from_ms, &date_only) != 0 ||
            value_time(t->to, w->zone, &g->to_ms, &date_only) != 0 || g->to_ms <= g->from_ms)
            return yamlfile_wrong(f->yaml, f->err, where, "gaps: two times are needed, in order");
    }
    return 0;
}

int world_parse(const char *path, const char *text, size_t len, uint64_t seed, double scale,
                struct world **ret, struct error *err)
{
    struct yamlfile *yaml;
    if (yamlfile_parse(path, text, len, &world_schema, &yaml, err) != 0)
        return ERROR_USAGE;
    struct world *w = memory_alloc(sizeof *w);
    w->arena = arena_new(WORLD_ARENA_OCTETS);
    struct filling f = {w, yamlfile_data(yaml), yaml, scale, err};
    w->path = keep(&f, path);
    w->name = keep(&f, f.text->name);
    w->seed = seed ? seed : f.text->seed;
    int status = 0;
    if (fill_period(&f) != 0 || fill_rhythm(&f) != 0 || fill_noise(&f) != 0 ||
        fill_population(&f) != 0 || fill_devices(&f) != 0 || fill_pivots(&f) != 0 ||
        fill_traffic(&f) != 0 || fill_events(&f) != 0 || fill_gaps(&f) != 0)
        status = ERROR_USAGE;
    yamlfile_free(yaml);
    if (status != 0) {
        world_free(w);
        return status;
    }
    *ret = w;
    return 0;
}

int world_read(const char *path, uint64_t seed, double scale, struct world **ret, struct error *err)
{
    struct buf text;
    if (yamlfile_read(path, &text, err) != 0)
        return ERROR_FAILED;
    int status = world_parse(path, text.at ? text.at : "", text.len, seed, scale, ret, err);
    buf_done(&text);
    return status;
}

void world_free(struct world *w)
{
    if (!w)
        return;
    event_list_done(&w->events);
    zone_free(w->zone);
    arena_free(w->arena);
    free(w);
}
