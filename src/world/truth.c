/* SPDX-License-Identifier: Apache-2.0 */
/* What is true of a world, beside what happened to be drawn. Shares, means and effects are the
 * parameters: what other days of the same population would show on average. Flows, octets, packets,
 * hosts and days are counts of what was made. Usage is consumed and peer, as in the report. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "world/world_in.h"

enum { COUNTRIES = 26 * 26, KINDS = 6 };

static const char *const kinds[KINDS] = {"government", "news",    "education",
                                         "research",   "telecom", "other"};
static const char *const day_names[7] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                         "Friday", "Saturday", "Sunday"};

struct counts {
    uint64_t flows, octets, packets;
};

/* A set of addresses; grows, never shrinks. */
struct ip_set {
    struct ip *at;
    bool *used;
    size_t count, room;
};

struct made {
    struct counts counts;
    double expected;  /* conversations over the period */
    uint32_t *hourly; /* by hour of the period */
    uint64_t failed;  /* nobody answered */
    uint8_t *hosts;   /* of world->hosts: took part */
    uint8_t *days;
};

struct chain {
    struct ip local, relay, remote;
    uint64_t flows, octets;
};

struct truth {
    const struct world *w;
    size_t days, hours;
    uint64_t from_ms;
    struct made *made; /* by traffic */
    struct counts *daily, roles[WORLD_ROLES], usage;
    uint32_t *hourly;
    uint8_t *daily_hosts; /* day * host_count + host, of usage */
    struct ip_set locals[WORLD_ROLES + 1], remotes[WORLD_ROLES + 1]; /* the last: usage */
    uint64_t country_flows[COUNTRIES];
    int64_t *day_start_s; /* one more than there are days */
    struct chain *chains;
    size_t chain_count, chain_room;
};

static void ip_set_put(struct ip_set *s, const struct ip *ip)
{
    if (2 * (s->count + 1) > s->room) {
        struct ip_set larger = {.room = s->room ? s->room * 2 : 256};
        larger.at = memory_array(larger.room, sizeof *larger.at);
        larger.used = memory_array(larger.room, sizeof *larger.used);
        for (size_t i = 0; i < s->room; i++)
            if (s->used[i])
                ip_set_put(&larger, &s->at[i]);
        free(s->at);
        free(s->used);
        *s = larger;
    }
    size_t i = hash_bytes(ip, sizeof *ip, 1) & (s->room - 1);
    for (; s->used[i]; i = (i + 1) & (s->room - 1))
        if (ip_equal(&s->at[i], ip))
            return;
    s->used[i] = true;
    s->at[i] = *ip;
    s->count++;
}

struct truth *truth_new(const struct world *w)
{
    struct truth *t = memory_alloc(sizeof *t);
    t->w = w;
    t->days = (size_t)(w->to_day - w->from_day + 1);
    t->day_start_s = memory_array(t->days + 1, sizeof *t->day_start_s);
    for (size_t d = 0; d <= t->days; d++)
        t->day_start_s[d] = zone_day_start_s(w->zone, w->from_day + (int32_t)d);
    t->from_ms = (uint64_t)t->day_start_s[0] * 1000;
    t->hours = (size_t)((t->day_start_s[t->days] - t->day_start_s[0] + 3599) / 3600);
    t->made = memory_array(w->traffic_count, sizeof *t->made);
    t->daily = memory_array(t->days, sizeof *t->daily);
    t->hourly = memory_array(t->hours, sizeof *t->hourly);
    t->daily_hosts = memory_array(t->days * w->host_count, 1);
    for (size_t i = 0; i < w->traffic_count; i++) {
        t->made[i].hourly = memory_array(t->hours, sizeof *t->made[i].hourly);
        t->made[i].hosts = memory_array(w->host_count, 1);
        t->made[i].days = memory_array(t->days, 1);
        for (int32_t day = w->from_day; day <= w->to_day; day++)
            for (unsigned c = 0; c < CHUNKS_A_DAY; c++)
                t->made[i].expected += world_expected(w, &w->traffic[i], day, c);
    }
    return t;
}

void truth_free(struct truth *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->w->traffic_count; i++) {
        free(t->made[i].hourly);
        free(t->made[i].hosts);
        free(t->made[i].days);
    }
    for (int i = 0; i <= WORLD_ROLES; i++) {
        free(t->locals[i].at);
        free(t->locals[i].used);
        free(t->remotes[i].at);
        free(t->remotes[i].used);
    }
    free(t->chains);
    free(t->made);
    free(t->daily);
    free(t->hourly);
    free(t->daily_hosts);
    free(t->day_start_s);
    free(t);
}

static void add(struct counts *to, const struct conversation *c)
{
    to->flows++;
    to->octets += c->octets_out + c->octets_in;
    to->packets += c->packets_out + c->packets_in;
}

static size_t country_index(const char *country)
{
    return (size_t)((country[0] - 'A') * 26 + country[1] - 'A') % COUNTRIES;
}

void truth_count(struct truth *t, const struct conversation *c)
{
    const struct world_traffic *traffic = &t->w->traffic[c->traffic];
    const struct world_server *server = &traffic->servers[c->server];
    struct made *m = &t->made[c->traffic];
    size_t hour = (size_t)((c->start_ms - t->from_ms) / 3600000), day = 0;
    for (size_t low = 0, high = t->days; high - low > 1;) {
        size_t mid = (low + high) / 2;
        if ((uint64_t)t->day_start_s[mid] * 1000 <= c->start_ms)
            low = mid;
        else
            high = mid;
        day = low;
    }
    add(&m->counts, c);
    m->hourly[hour]++;
    m->days[day] = 1;
    if (c->packets_in + c->packets_out > 0 && c->packets_in == 0)
        m->failed++;
    if (traffic->via) /* what was done through a pivot is told by itself */
        return;
    add(&t->roles[traffic->role], c);
    ip_set_put(&t->locals[traffic->role], &c->local);
    ip_set_put(&t->remotes[traffic->role], &server->ip);
    if (c->host < t->w->host_count)
        m->hosts[c->host] = 1;
    if (!world_is_use(traffic))
        return;
    add(&t->usage, c);
    add(&t->daily[day], c);
    t->hourly[hour]++;
    ip_set_put(&t->locals[WORLD_ROLES], &c->local);
    ip_set_put(&t->remotes[WORLD_ROLES], &server->ip);
    t->country_flows[country_index(server->country)]++;
    if (c->host < t->w->host_count)
        t->daily_hosts[day * t->w->host_count + c->host] = 1;
}

void truth_chain(struct truth *t, const struct conversation *first,
                 const struct conversation *second)
{
    const struct ip *relay = &t->w->traffic[first->traffic].servers[first->server].ip;
    const struct ip *remote = &t->w->traffic[second->traffic].servers[second->server].ip;
    struct chain *c = NULL;
    for (size_t i = 0; i < t->chain_count && !c; i++)
        if (ip_equal(&t->chains[i].local, &first->local) && ip_equal(&t->chains[i].relay, relay) &&
            ip_equal(&t->chains[i].remote, remote))
            c = &t->chains[i];
    if (!c) {
        if (t->chain_count == t->chain_room) {
            t->chain_room = t->chain_room ? 2 * t->chain_room : 64;
            t->chains = memory_resize(t->chains, t->chain_room, sizeof *t->chains);
        }
        c = &t->chains[t->chain_count++];
        *c = (struct chain){.local = first->local, .relay = *relay, .remote = *remote};
    }
    c->flows++;
    c->octets += second->octets_in + second->octets_out;
}

/* ---- as JSON ---- */

static json_t *whole(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *date_of(int32_t day)
{
    char text[TIME_TEXT_MAX];
    date_print(day, text);
    return json_string(text);
}

static json_t *time_of(uint64_t ms)
{
    char text[TIME_TEXT_MAX];
    time_print_ms(ms, text);
    return json_string(text);
}

static json_t *address_of(const struct ip *ip)
{
    char text[IP_TEXT_MAX];
    ip_print(ip, text);
    return json_string(text);
}

static json_t *counts_json(const struct counts *c)
{
    json_t *o = json_object();
    json_object_set_new(o, "flows", whole(c->flows));
    json_object_set_new(o, "octets", whole(c->octets));
    json_object_set_new(o, "packets", whole(c->packets));
    return o;
}

static json_t *study_json(const struct truth *t)
{
    const struct world *w = t->w;
    json_t *o = json_object(), *population = json_array(), *events = json_array();
    json_object_set_new(o, "name", json_string(w->name));
    json_object_set_new(o, "timezone", json_string(zone_name(w->zone)));
    json_object_set_new(o, "from", date_of(w->from_day));
    json_object_set_new(o, "to", date_of(w->to_day));
    json_object_set_new(o, "from_time", time_of(t->from_ms));
    json_object_set_new(o, "to_time", time_of((uint64_t)t->day_start_s[t->days] * 1000));
    json_object_set_new(o, "days", whole(t->days));
    for (size_t i = 0; i < w->population_count; i++) {
        char prefix[PREFIX_TEXT_MAX];
        prefix_print(&w->population[i].prefix, prefix);
        json_array_append_new(
            population, json_pack("{s:s, s:s}", "prefix", prefix, "label", w->population[i].label));
    }
    json_object_set_new(o, "population", population);
    for (size_t i = 0; i < w->events.count; i++) {
        const struct study_event *e = &w->events.rows[i];
        json_array_append_new(events, json_pack("{s:o, s:s, s:s}", "time", time_of(e->time_ms),
                                                "label", e->label, "kind", e->kind));
    }
    json_object_set_new(o, "events", events);
    json_object_set_new(o, "measure", json_string("conversations"));
    return o;
}

static double expected_usage(const struct truth *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->w->traffic_count; i++)
        if (world_is_use(&t->w->traffic[i]))
            sum += t->made[i].expected;
    return sum;
}

static double expected_octets(const struct truth *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->w->traffic_count; i++)
        if (world_is_use(&t->w->traffic[i]))
            sum += t->made[i].expected * t->w->traffic[i].octets;
    return sum;
}

/* Several kinds of traffic that belong together: a service, a category. */
struct group {
    const char *id, *name, *category;
    double expected, octets;
    struct counts counts;
    uint32_t *hourly;
    uint8_t *hosts;
};

typedef const char *group_key(const struct world_traffic *t);

static const char *service_key(const struct world_traffic *t)
{
    return t->service;
}

static const char *category_key(const struct world_traffic *t)
{
    return *t->category ? t->category : "unknown";
}

static void group_add(const struct truth *t, struct group *g, size_t traffic)
{
    const struct made *m = &t->made[traffic];
    g->expected += m->expected;
    g->octets += m->expected * t->w->traffic[traffic].octets;
    g->counts.flows += m->counts.flows;
    g->counts.octets += m->counts.octets;
    g->counts.packets += m->counts.packets;
    for (size_t h = 0; h < t->hours; h++)
        g->hourly[h] += m->hourly[h];
    for (size_t h = 0; h < t->w->host_count; h++)
        g->hosts[h] |= m->hosts[h];
}

static int by_expected(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->expected != y->expected)
        return x->expected > y->expected ? -1 : 1;
    return strcmp(x->id, y->id);
}

static struct group *group_usage(const struct truth *t, group_key *key, size_t *ret_count)
{
    const struct world *w = t->w;
    struct group *all = memory_array(w->traffic_count + 1, sizeof *all);
    size_t count = 0;
    for (size_t i = 0; i < w->traffic_count; i++) {
        const char *id = key(&w->traffic[i]);
        size_t g = 0;
        if (!world_is_use(&w->traffic[i]) || !*id)
            continue;
        while (g < count && strcmp(all[g].id, id) != 0)
            g++;
        if (g == count) {
            all[count++] = (struct group){.id = id,
                                          .name = w->traffic[i].name,
                                          .category = w->traffic[i].category,
                                          .hourly = memory_array(t->hours, sizeof(uint32_t)),
                                          .hosts = memory_array(w->host_count, 1)};
        }
        group_add(t, &all[g], i);
    }
    qsort(all, count, sizeof *all, by_expected);
    *ret_count = count;
    return all;
}

static void groups_free(struct group *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(all[i].hourly);
        free(all[i].hosts);
    }
    free(all);
}

static uint64_t set_bits(const uint8_t *at, size_t count)
{
    uint64_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += at[i];
    return n;
}

static json_t *groups_json(const struct truth *t, group_key *key, bool services)
{
    size_t count;
    struct group *all = group_usage(t, key, &count);
    double usage = expected_usage(t), octets = expected_octets(t);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct group *g = &all[i];
        json_t *o = json_object(), *hourly = json_array();
        json_object_set_new(o, "id", json_string(g->id));
        if (services) {
            json_object_set_new(o, "name", json_string(g->name));
            json_object_set_new(o, "category", json_string(g->category));
            json_object_set_new(o, "rank", whole(i + 1));
        }
        json_object_update_new(o, counts_json(&g->counts));
        json_object_set_new(o, "local_hosts", whole(set_bits(g->hosts, t->w->host_count)));
        json_object_set_new(o, "share", json_real(usage > 0 ? g->expected / usage : 0));
        json_object_set_new(o, "octets_share", json_real(octets > 0 ? g->octets / octets : 0));
        for (size_t h = 0; h < t->hours && services && i < 12; h++)
            json_array_append_new(hourly, whole(g->hourly[h]));
        if (services && i < 12)
            json_object_set(o, "hourly", hourly);
        json_decref(hourly);
        json_array_append_new(list, o);
    }
    groups_free(all, count);
    return list;
}

static json_t *totals_json(const struct truth *t)
{
    json_t *o = json_object(), *by_role = json_object(), *roles = json_object();
    struct counts sum = {0}, unattributed = {0};
    double named = 0, usage = expected_usage(t);
    for (int r = 0; r < WORLD_ROLES; r++) {
        const struct counts *c = &t->roles[r];
        json_t *role = counts_json(c);
        sum.flows += c->flows;
        sum.octets += c->octets;
        sum.packets += c->packets;
        json_object_set_new(by_role, world_role_names[r], whole(c->flows));
        json_object_set_new(role, "local_hosts", whole(t->locals[r].count));
        json_object_set_new(role, "remote_hosts", whole(t->remotes[r].count));
        json_object_set_new(roles, world_role_names[r], role);
    }
    for (size_t i = 0; i < t->w->traffic_count; i++)
        if (t->w->traffic[i].via) { /* of what was kept, through a pivot */
            sum.flows += t->made[i].counts.flows;
            sum.octets += t->made[i].counts.octets;
            sum.packets += t->made[i].counts.packets;
        } else if (world_is_use(&t->w->traffic[i]) && !*t->w->traffic[i].service)
            unattributed.flows += t->made[i].counts.flows;
        else if (world_is_use(&t->w->traffic[i]))
            named += t->made[i].expected;
    json_object_update_new(o, counts_json(&sum));
    json_object_set_new(o, "local_hosts", whole(t->locals[WORLD_ROLES].count));
    json_object_set_new(o, "remote_hosts", whole(t->remotes[WORLD_ROLES].count));
    json_object_set_new(o, "by_role", by_role);
    json_object_set_new(o, "roles", roles);
    json_object_set_new(o, "usage", counts_json(&t->usage));
    json_object_set_new(o, "unattributed",
                        json_pack("{s:o, s:f}", "flows", whole(unattributed.flows), "share",
                                  usage > 0 ? 1 - named / usage : 0));
    return o;
}

static json_t *activity_json(const struct truth *t)
{
    json_t *daily = json_array(), *hourly = json_array();
    for (size_t d = 0; d < t->days; d++) {
        json_t *o = json_object();
        json_object_set_new(o, "date", date_of(t->w->from_day + (int32_t)d));
        json_object_update_new(o, counts_json(&t->daily[d]));
        json_object_set_new(
            o, "local_hosts",
            whole(set_bits(t->daily_hosts + d * t->w->host_count, t->w->host_count)));
        json_array_append_new(daily, o);
    }
    for (size_t h = 0; h < t->hours; h++)
        json_array_append_new(hourly,
                              json_pack("{s:o, s:o}", "time", time_of(t->from_ms + h * 3600000),
                                        "flows", whole(t->hourly[h])));
    return json_pack("{s:o, s:o}", "daily", daily, "hourly", hourly);
}

/* ---- rhythm ---- */

struct week {
    double half_hours[7][CHUNKS_A_DAY]; /* expected usage on a mean day of the period */
    double days[7];
};

static struct week expected_week(const struct truth *t)
{
    struct week week = {0};
    unsigned count[7] = {0};
    for (int32_t day = t->w->from_day; day <= t->w->to_day; day++) {
        int weekday = day_weekday(day);
        count[weekday]++;
        for (size_t i = 0; i < t->w->traffic_count; i++)
            for (unsigned c = 0; c < CHUNKS_A_DAY && world_is_use(&t->w->traffic[i]); c++)
                week.half_hours[weekday][c] += world_expected(t->w, &t->w->traffic[i], day, c);
    }
    for (int d = 0; d < 7; d++)
        for (unsigned c = 0; c < CHUNKS_A_DAY && count[d]; c++) {
            week.half_hours[d][c] /= count[d];
            week.days[d] += week.half_hours[d][c];
        }
    return week;
}

static json_t *rhythm_json(const struct truth *t)
{
    struct week week = expected_week(t);
    json_t *matrix = json_array(), *weekdays = json_array(), *work = json_array(),
           *rest = json_array();
    for (int d = 0; d < 7; d++) {
        json_t *row = json_array();
        unsigned rank = 1;
        for (unsigned h = 0; h < 24; h++)
            json_array_append_new(
                row, json_real(week.half_hours[d][2 * h] + week.half_hours[d][2 * h + 1]));
        json_array_append_new(matrix, row);
        for (int other = 0; other < 7; other++)
            rank += week.days[other] > week.days[d];
        json_array_append_new(weekdays, json_pack("{s:s, s:f, s:i}", "day", day_names[d], "mean",
                                                  week.days[d], "rank", rank));
    }
    for (unsigned c = 0; c < CHUNKS_A_DAY; c++) {
        double sums[2] = {0, 0};
        for (int d = 0; d < 7; d++)
            sums[d >= 5] += week.half_hours[d][c] / (d >= 5 ? 2 : 5);
        json_array_append_new(work, json_real(sums[0]));
        json_array_append_new(rest, json_real(sums[1]));
    }
    return json_pack("{s:o, s:{s:f, s:f}, s:o, s:{s:i, s:i}, s:{s:o, s:o}}", "matrix", matrix,
                     "busy", "from_hour", t->w->busy_from_hour, "to_hour", t->w->busy_to_hour,
                     "weekdays", weekdays, "utc_offset", "minutes",
                     zone_offset_s(t->w->zone, t->day_start_s[0]) / 60, "declared_minutes",
                     zone_offset_s(t->w->zone, t->day_start_s[0]) / 60, "profile", "workdays", work,
                     "weekend", rest);
}

/* ---- events, presence, concealment, onsets ---- */

static json_t *events_json(const struct truth *t)
{
    json_t *tests = json_array();
    const struct event_list *all = &t->w->events;
    for (size_t i = 0; i < all->count; i++) {
        uint64_t n = 0;
        bool first = true;
        for (size_t j = 0; j < all->count; j++) {
            bool same = strcmp(all->rows[j].kind, all->rows[i].kind) == 0;
            first &= !same || j >= i;
            n += same && all->rows[j].time_ms >= t->from_ms &&
                 all->rows[j].time_ms < (uint64_t)t->day_start_s[t->days] * 1000;
        }
        if (first)
            json_array_append_new(tests, json_pack("{s:s, s:o, s:{s:f}, s:{s:f}, s:{s:f}}", "kind",
                                                   all->rows[i].kind, "n", whole(n), "before",
                                                   "effect", 0.0, "on", "effect",
                                                   t->w->event_effect, "after", "effect", 0.0));
    }
    return json_pack("{s:o}", "tests", tests);
}

static size_t kind_index(const char *kind)
{
    for (size_t k = 0; k < KINDS - 1; k++)
        if (strcmp(kind, kinds[k]) == 0)
            return k;
    return KINDS - 1;
}

struct country {
    size_t index;
    double expected, kinds[KINDS];
};

static int by_country(const void *a, const void *b)
{
    const struct country *x = a, *y = b;
    if (x->expected != y->expected)
        return x->expected > y->expected ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static json_t *institutions_json(const struct truth *t, size_t country)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->w->traffic_count; i++) {
        const struct world_traffic *traffic = &t->w->traffic[i];
        const struct made *m = &t->made[i];
        if (!*traffic->kind || country_index(traffic->servers[0].country) != country)
            continue;
        json_t *o = json_pack("{s:s, s:s}", "name", traffic->label, "kind", traffic->kind);
        json_object_update_new(o, counts_json(&m->counts));
        json_object_set_new(o, "local_hosts", whole(set_bits(m->hosts, t->w->host_count)));
        json_object_set_new(o, "days", whole(set_bits(m->days, t->days)));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *presence_json(const struct truth *t)
{
    struct country *all = memory_array(COUNTRIES, sizeof *all);
    double usage = expected_usage(t);
    json_t *list = json_array();
    for (size_t i = 0; i < COUNTRIES; i++)
        all[i].index = i;
    for (size_t i = 0; i < t->w->traffic_count; i++) {
        const struct world_traffic *traffic = &t->w->traffic[i];
        double before = 0;
        for (size_t s = 0; s < traffic->server_count && world_is_use(traffic); s++) {
            struct country *c = &all[country_index(traffic->servers[s].country)];
            double n = t->made[i].expected * (traffic->server_until[s] - before);
            before = traffic->server_until[s];
            c->expected += n;
            c->kinds[kind_index(traffic->kind)] += n;
        }
    }
    qsort(all, COUNTRIES, sizeof *all, by_country);
    for (size_t i = 0; i < COUNTRIES && all[i].expected > 0; i++) {
        char code[3] = {(char)('A' + all[i].index / 26), (char)('A' + all[i].index % 26), 0};
        json_t *profile = json_object();
        for (size_t k = 0; k < KINDS; k++)
            json_object_set_new(profile, kinds[k], json_real(all[i].kinds[k] / all[i].expected));
        json_array_append_new(list, json_pack("{s:s, s:o, s:f, s:o, s:o}", "country", code, "flows",
                                              whole(t->country_flows[all[i].index]), "share",
                                              all[i].expected / usage, "local_profile", profile,
                                              "institutions", institutions_json(t, all[i].index)));
    }
    free(all);
    return json_pack("{s:o}", "countries", list);
}

static json_t *tor_json(const struct truth *t, size_t i)
{
    const struct world_traffic *traffic = &t->w->traffic[i];
    const struct made *m = &t->made[i];
    size_t first = t->days, last = 0, run = 0, longest = 0;
    for (size_t d = 0; d < t->days; d++) {
        run = m->days[d] ? run + 1 : 0;
        longest = run > longest ? run : longest;
        if (m->days[d]) {
            first = first < d ? first : d;
            last = d;
        }
    }
    if (first == t->days)
        return NULL;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "local", address_of(&traffic->hosts[0]->ip),
                     "relay", address_of(&traffic->servers[0].ip), "days_seen",
                     whole(set_bits(m->days, t->days)), "first",
                     date_of(t->w->from_day + (int32_t)first), "last",
                     date_of(t->w->from_day + (int32_t)last), "longest_run", whole(longest));
}

static json_t *chains_json(const struct truth *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->chain_count; i++) {
        const struct chain *c = &t->chains[i];
        json_array_append_new(list,
                              json_pack("{s:o, s:[o, o], s:o, s:o}", "local", address_of(&c->local),
                                        "hops", address_of(&c->relay), address_of(&c->remote),
                                        "flows", whole(c->flows), "octets", whole(c->octets)));
    }
    return list;
}

static json_t *concealment_json(const struct truth *t)
{
    json_t *list = json_array(), *tor = json_array();
    double usage = expected_usage(t), hidden = 0;
    for (size_t i = 0; i < t->w->traffic_count; i++) {
        const struct world_traffic *traffic = &t->w->traffic[i];
        const struct made *m = &t->made[i];
        if (!*traffic->technique || !world_is_use(traffic))
            continue;
        json_t *o =
            json_pack("{s:s, s:s}", "technique", traffic->technique, "provider", traffic->name);
        json_object_update_new(o, counts_json(&m->counts));
        json_object_set_new(o, "local_hosts", whole(set_bits(m->hosts, t->w->host_count)));
        json_object_set_new(o, "days", whole(set_bits(m->days, t->days)));
        json_object_set_new(o, "share", json_real(m->expected / usage));
        json_array_append_new(list, o);
        hidden += m->expected;
        json_t *relay = strcmp(traffic->technique, "tor") == 0 && traffic->host_count == 1 &&
                                traffic->server_count == 1
                            ? tor_json(t, i)
                            : NULL;
        if (relay)
            json_array_append_new(tor, relay);
    }
    return json_pack("{s:f, s:o, s:o, s:o}", "share", usage > 0 ? hidden / usage : 0, "techniques",
                     list, "tor", tor, "chains", chains_json(t));
}

static json_t *onsets_json(const struct truth *t)
{
    const struct world *w = t->w;
    json_t *list = json_array();
    for (size_t i = 0; i < w->traffic_count; i++) {
        const struct world_traffic *traffic = &w->traffic[i];
        bool onset = traffic->from_day > w->from_day && traffic->from_day <= w->to_day;
        if (traffic->via)
            continue;
        bool stop = traffic->to_day >= w->from_day && traffic->to_day < w->to_day;
        for (int change = 0; change < 2; change++)
            if (change ? stop : onset)
                json_array_append_new(
                    list, json_pack("{s:{s:s, s:s}, s:s, s:o, s:f, s:f}", "subject", "kind",
                                    *traffic->service ? "service" : "label", "id",
                                    *traffic->service ? traffic->service : traffic->label, "change",
                                    change ? "stop" : "onset", "at",
                                    date_of(change ? traffic->to_day + 1 : traffic->from_day),
                                    "before", change ? traffic->per_day : 0.0, "after",
                                    change ? 0.0 : traffic->per_day));
    }
    return list;
}

/* ---- pivots, devices, who scans, who calls at even times ---- */

static json_t *pivot_rows_json(const struct truth *t, size_t pivot, bool services)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->w->traffic_count; i++) {
        const struct world_traffic *traffic = &t->w->traffic[i];
        const char *id = services ? traffic->service : category_key(traffic);
        if (traffic->via != pivot + 1 || !*id || t->made[i].counts.flows == 0)
            continue;
        json_t *o = json_pack("{s:s, s:s}", "id", id, "name", services ? traffic->name : id);
        json_object_update_new(o, counts_json(&t->made[i].counts));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *day_or_null(int32_t day)
{
    return day == INT32_MIN || day == INT32_MAX ? json_null() : date_of(day);
}

static json_t *pivots_json(const struct truth *t)
{
    json_t *list = json_array();
    for (size_t p = 0; p < t->w->pivot_count; p++) {
        const struct world_pivot *pivot = &t->w->pivots[p];
        char prefix[PREFIX_TEXT_MAX];
        struct counts sum = {0};
        for (size_t i = 0; i < t->w->traffic_count; i++)
            if (t->w->traffic[i].via == p + 1) {
                sum.flows += t->made[i].counts.flows;
                sum.octets += t->made[i].counts.octets;
                sum.packets += t->made[i].counts.packets;
            }
        prefix_print(&pivot->prefix, prefix);
        json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "label", pivot->label, "prefix",
                              prefix, "from", day_or_null(pivot->from_day), "to",
                              day_or_null(pivot->to_day), "services", pivot_rows_json(t, p, true),
                              "categories", pivot_rows_json(t, p, false));
        json_object_update_new(o, counts_json(&sum));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *devices_json(const struct truth *t)
{
    json_t *list = json_array();
    for (size_t k = 0; k < t->w->platform_count; k++) {
        uint64_t hosts = 0;
        for (size_t h = 0; h < t->w->people; h++)
            hosts += t->w->hosts[h].platform == k;
        json_array_append_new(list, json_pack("{s:s, s:o}", "platform", t->w->platforms[k].name,
                                              "local_hosts", whole(hosts)));
    }
    return list;
}

/* Hosts of kinds that are mostly not answered, and addresses that knock at the population. */
static json_t *recon_json(const struct truth *t)
{
    json_t *scanners = json_array();
    for (size_t i = 0; i < t->w->traffic_count; i++) {
        const struct world_traffic *traffic = &t->w->traffic[i];
        if (traffic->via || t->made[i].counts.flows == 0)
            continue;
        if (traffic->role == WORLD_UNANSWERED)
            for (size_t s = 0; s < traffic->server_count; s++)
                json_array_append_new(scanners,
                                      json_pack("{s:s, s:o}", "direction", "inward", "remote",
                                                address_of(&traffic->servers[s].ip)));
        for (size_t h = 0; h < traffic->host_count && traffic->answered < 0.5; h++)
            json_array_append_new(scanners, json_pack("{s:s, s:o, s:o}", "direction", "outward",
                                                      "local", address_of(&traffic->hosts[h]->ip),
                                                      "targets", whole(traffic->server_count)));
    }
    return json_pack("{s:o}", "scanners", scanners);
}

static json_t *contacts_json(const struct truth *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->w->traffic_count; i++) {
        const struct world_traffic *traffic = &t->w->traffic[i];
        for (size_t h = 0; h < traffic->host_count && traffic->every_s > 0; h++)
            json_array_append_new(list, json_pack("{s:o, s:o, s:s, s:f}", "local",
                                                  address_of(&traffic->hosts[h]->ip), "remote",
                                                  address_of(&traffic->servers[0].ip), "service",
                                                  traffic->service, "period_s", traffic->every_s));
    }
    return list;
}

json_t *truth_json(struct truth *t)
{
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string("telltale.truth/1"));
    json_object_set_new(o, "study", study_json(t));
    json_object_set_new(o, "provenance", json_pack("{s:o}", "seed", whole(t->w->seed)));
    json_object_set_new(o, "totals", totals_json(t));
    json_object_set_new(o, "activity", activity_json(t));
    json_object_set_new(o, "services", groups_json(t, service_key, true));
    json_object_set_new(o, "categories", groups_json(t, category_key, false));
    json_object_set_new(o, "rhythm", rhythm_json(t));
    json_object_set_new(o, "events", events_json(t));
    json_object_set_new(o, "presence", presence_json(t));
    json_object_set_new(o, "concealment", concealment_json(t));
    json_object_set_new(o, "onsets", onsets_json(t));
    json_object_set_new(o, "recon", recon_json(t));
    json_object_set_new(o, "contacts", contacts_json(t));
    json_object_set_new(o, "devices", devices_json(t));
    json_object_set_new(o, "pivots", pivots_json(t));
    return o;
}
