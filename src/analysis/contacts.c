/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs that last: a local address, a remote one and a service, followed over the study's days.
 * The store's summaries hold the longest lasting and those with the most even days; they are looked
 * at one by one: are the times of their conversations more regular than people's? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"
#include "base/memory.h"
#include "base/zone.h"
#include "stats/order.h"
#include "stats/regularity.h"

enum {
    DAYS_MIN = 7, /* of the study */
    SEEN_MIN = 3, /* days of a pair */
    SHOWN = 50,
    ALIKE = 3, /* pairs of one local address and service that are merely long lasting */
    STARTS_TESTED = 512,
    DRAWS = 3999,
};
static const double FALSE_DISCOVERY = 0.05, SCORE_MIN = 0.75, STEADY_MIN = 0.5, ANYTIME = 0.05;

struct pair {
    struct ip local, remote;
    uint32_t service;
    double flows;
    size_t days_seen, span, run;
    int32_t first, last; /* days of the study, 0.. */
    uint32_t *at_s;      /* starts since the first day's midnight, distinct seconds, ascending */
    size_t starts, room;
    struct regularity r;
    double p, q;
    size_t draws, tested;
    bool regular;
};

struct pairs {
    struct analysis *a;
    struct pair *list;
    size_t count;
    uint32_t *day_s; /* [day]: its midnight since the first day's */
    double until[REGULARITY_SLOTS];
};

static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = memcmp(&x->local, &y->local, sizeof(x->local));
    if (order == 0)
        order = memcmp(&x->remote, &y->remote, sizeof(x->remote));
    return order ? order : (x->service > y->service) - (x->service < y->service);
}

static void take_ip(struct ip *ip, const struct block *b, size_t column, size_t row)
{
    struct bytes text = block_bytes(b, column, row);
    memset(ip, 0, sizeof(*ip));
    memcpy(ip->octet, text.at, text.len < IP_OCTETS ? text.len : IP_OCTETS);
}

static struct pair *pair_of_row(struct pairs *ps, const struct block *b, size_t row)
{
    struct pair key;
    take_ip(&key.local, b, 0, row);
    take_ip(&key.remote, b, 1, row);
    key.service = (uint32_t)block_u64(b, 2, row);
    return bsearch(&key, ps->list, ps->count, sizeof(key), by_key);
}

/* Days without telemetry neither count nor break a run. */
static size_t unused_between(const struct analysis *a, int32_t from, int32_t to)
{
    size_t count = 0;
    for (int32_t d = from + 1; d < to; d++)
        count += !a->used[d];
    return count;
}

/* Rows of (local, remote, service, day, flows) in ascending order. */
static void add_days(struct pairs *ps, const struct block *b)
{
    size_t run = 0;
    ps->list = arena_array(ps->a->arena, block_rows(b) + 1, sizeof(*ps->list));
    for (size_t i = 0; i < block_rows(b); i++) {
        struct pair key = {.service = (uint32_t)block_u64(b, 2, i)};
        struct pair *p = ps->count ? &ps->list[ps->count - 1] : NULL;
        int32_t day = (int32_t)block_u64(b, 3, i) - ps->a->study->from_day;
        take_ip(&key.local, b, 0, i);
        take_ip(&key.remote, b, 1, i);
        if (!p || by_key(p, &key) != 0) {
            p = &ps->list[ps->count++];
            *p = key;
            p->first = day;
            run = 0;
        } else if (p->last + 1 + (int32_t)unused_between(ps->a, p->last, day) < day) {
            run = 0;
        }
        run++;
        p->flows += block_f64(b, 4, i);
        p->days_seen++;
        p->last = day;
        p->span = (size_t)(day - p->first) + 1;
        p->run = run > p->run ? run : p->run;
    }
}

/* Rows of a pair's days may be more than its days: some candidates were seen on too few. */
static void drop_short(struct pairs *ps)
{
    size_t kept = 0;
    for (size_t i = 0; i < ps->count; i++)
        if (ps->list[i].days_seen >= SEEN_MIN)
            ps->list[kept++] = ps->list[i];
    ps->count = kept;
}

static int add_starts(void *ctx, const struct block *b)
{
    struct pairs *ps = ctx;
    int64_t midnight = (int64_t)(ps->a->study->from_ms / 1000);
    for (size_t i = 0; i < block_rows(b); i++) {
        struct pair *p = pair_of_row(ps, b, i);
        if (!p)
            continue;
        if (p->starts == p->room) {
            p->room = p->room ? 2 * p->room : 256;
            p->at_s = memory_resize(p->at_s, p->room, sizeof(*p->at_s));
        }
        p->at_s[p->starts++] = (uint32_t)((int64_t)block_u64(b, 3, i) - midnight);
    }
    return 0;
}

/* People's times of day: all use by half hour, and a little of any time. */
static void fill_until(struct pairs *ps)
{
    struct analysis *a = ps->a;
    double sums[REGULARITY_SLOTS] = {0}, whole = 0, so_far = 0;
    for (size_t i = 0; i < a->slot_count; i++) {
        int64_t local = (int64_t)a->slot_start[i] + zone_offset_s(a->study->zone, a->slot_start[i]);
        sums[local % 86400 / 1800] += a->slots[i].flows;
        whole += a->slots[i].flows;
    }
    for (int s = 0; s < REGULARITY_SLOTS; s++) {
        so_far += ANYTIME / REGULARITY_SLOTS + (1 - ANYTIME) * sums[s] / whole;
        ps->until[s] = so_far;
    }
    ps->until[REGULARITY_SLOTS - 1] = 1;
}

/* Splits a pair's starts by day, every `step`-th day that has any, at most `most` starts. Counts,
 * not all of them, decide what the null costs. */
static struct arrivals split(struct pairs *ps, const struct pair *p, size_t step, size_t most,
                             uint32_t *at, size_t *first, uint32_t *day_s)
{
    size_t days = ps->a->days, n = 0, seen = 0, kept = 0, i = 0;
    first[0] = 0;
    for (size_t d = 0; d < days && i < p->starts && n < most; d++) {
        uint32_t end = d + 1 < days ? ps->day_s[d + 1] : UINT32_MAX;
        size_t from = i;
        while (i < p->starts && p->at_s[i] < end)
            i++;
        if (i == from || seen++ % step != 0)
            continue;
        for (size_t k = from; k < i && n < most; k++)
            at[n++] = p->at_s[k];
        day_s[kept] = ps->day_s[d];
        first[++kept] = n;
    }
    return (struct arrivals){kept, first, at, day_s};
}

static void judge(struct pairs *ps, struct pair *p)
{
    size_t days = ps->a->days;
    uint32_t *at = memory_array(p->starts + 1, sizeof(*at));
    size_t *first = memory_array(days + 1, sizeof(*first));
    uint32_t *day_s = memory_array(days + 1, sizeof(*day_s));
    p->p = NAN;
    p->r.score = NAN;
    if (p->starts > REGULARITY_INTERVALS_MIN) {
        struct arrivals all = split(ps, p, 1, p->starts, at, first, day_s);
        p->r = regularity_of(&all);
        size_t step = p->r.days > 0 ? (p->starts + STARTS_TESTED - 1) / STARTS_TESTED : 1;
        while (step > 1 && all.days / step < SEEN_MIN)
            step--;
        struct arrivals some = split(ps, p, step, STARTS_TESTED, at, first, day_s);
        p->tested = first[some.days];
        if (!isnan(p->r.score))
            p->p = regularity_p(&some, ps->until, DRAWS, ps->a->study->seed, &p->draws);
    }
    free(at);
    free(first);
    free(day_s);
    free(p->at_s);
    p->at_s = NULL;
}

/* One in n packets seen leaves no intervals to measure. */
static bool is_sampled(struct analysis *a)
{
    const json_t *days = json_object_get(json_object_get(a->model, "fidelity"), "days");
    for (size_t i = 0; i < json_array_size(days); i++) {
        const json_t *rates = json_object_get(json_array_get(days, i), "sampling");
        for (size_t k = 0; k < json_array_size(rates); k++)
            if (json_number_value(json_array_get(rates, k)) > 1)
                return true;
    }
    return false;
}

/* The store's summaries have the candidates' days and starts. */
static int load_pairs(struct pairs *ps, bool sampled, struct error *err)
{
    struct block *b = NULL;
    int status = ask(ps->a, &b, err,
                     "SELECT local, remote, toUInt32(service) AS s, toUInt32(toUInt16(day)) AS t, "
                     "flows FROM pair_day ORDER BY local, remote, s, t");
    if (status < 0)
        return status;
    add_days(ps, b);
    drop_short(ps);
    block_free(b);
    if (sampled)
        return 0;
    return engine_query_each(ps->a->engine,
                             "SELECT local, remote, toUInt32(service) AS s, start_s FROM "
                             "pair_start ORDER BY local, remote, s, start_s",
                             add_starts, ps, err);
}

static int by_weight(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->regular != y->regular)
        return x->regular ? -1 : 1;
    double fit_x = x->r.score * x->r.steady, fit_y = y->r.score * y->r.steady;
    if (x->regular && fit_x != fit_y)
        return fit_x > fit_y ? -1 : 1;
    if (x->days_seen != y->days_seen)
        return x->days_seen > y->days_seen ? -1 : 1;
    if (x->run != y->run)
        return x->run > y->run ? -1 : 1;
    if (x->flows != y->flows)
        return x->flows > y->flows ? -1 : 1;
    return by_key(a, b);
}

static void correct(struct pairs *ps)
{
    double *p = memory_array(ps->count + 1, sizeof(*p)),
           *q = memory_array(ps->count + 1, sizeof(*q));
    size_t tested = 0;
    for (size_t i = 0; i < ps->count; i++)
        if (!isnan(ps->list[i].p))
            p[tested++] = ps->list[i].p;
    false_discovery(p, tested, q);
    tested = 0;
    for (size_t i = 0; i < ps->count; i++) {
        struct pair *x = &ps->list[i];
        if (isnan(x->p))
            continue;
        x->q = q[tested++];
        x->regular =
            x->q <= FALSE_DISCOVERY && x->r.score >= SCORE_MIN && x->r.steady >= STEADY_MIN;
    }
    free(p);
    free(q);
    qsort(ps->list, ps->count, sizeof(*ps->list), by_weight);
}

static json_t *pair_json(struct analysis *a, const struct pair *p)
{
    char local[IP_TEXT_MAX + 1], remote[IP_TEXT_MAX + 1];
    const char *service = "unknown";
    local[ip_print(&p->local, local)] = 0;
    remote[ip_print(&p->remote, remote)] = 0;
    if (p->service)
        service = symbols_text(a->symbols, SYMBOL_SERVICE, p->service);
    const char *filter =
        arena_format(a->arena, "local host %s and remote host %s and service %s and " USAGE_FILTER,
                     local, remote, p->service ? filter_word(a, service) : service);
    json_t *test = json_null();
    if (!isnan(p->p))
        test =
            json_pack("{s:o, s:o, s:s, s:I, s:I}", "p", number_json(p->p), "q", number_json(p->q),
                      "method", "each day's conversations at random times of people's day", "draws",
                      (json_int_t)p->draws, "conversations", (json_int_t)p->tested);
    bool known = !isnan(p->r.score);
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o}",
                     "local", local, "remote", remote, "service", service, "flows",
                     count_json(p->flows), "days_seen", (json_int_t)p->days_seen, "days_span",
                     (json_int_t)p->span, "longest_run", (json_int_t)p->run, "first",
                     date_json(a->study->from_day + p->first), "last",
                     date_json(a->study->from_day + p->last), "period_s",
                     known ? number_json(p->r.period_s) : json_null(), "score",
                     known ? number_json(p->r.score) : json_null(), "steady",
                     known ? number_json(p->r.steady) : json_null(), "regular", (int)p->regular,
                     "test", test, "evidence", evidence_json(a, filter, p->flows));
}

/* Pairs of the same local address and service above it that are not regular: a busy address meets
 * every server of a large service on every day. */
static size_t alike_before(const struct pairs *ps, size_t at)
{
    const struct pair *x = &ps->list[at];
    size_t count = 0;
    for (size_t i = 0; i < at; i++)
        count += !ps->list[i].regular && ps->list[i].service == x->service &&
                 ip_equal(&ps->list[i].local, &x->local);
    return count;
}

int contacts_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct pairs ps = {.a = a};
    bool sampled = is_sampled(a);
    if (a->days < DAYS_MIN) {
        *ret = unsupported("Fewer than seven days cannot show which relationships last.");
        return 0;
    }
    ps.day_s = arena_array(a->arena, a->days + 1, sizeof(*ps.day_s));
    for (size_t d = 0; d < a->days; d++)
        ps.day_s[d] = (uint32_t)(zone_day_start_s(a->study->zone, a->study->from_day + (int32_t)d) -
                                 (int64_t)(a->study->from_ms / 1000));
    fill_until(&ps);
    int status = load_pairs(&ps, sampled, err);
    for (size_t i = 0; i < ps.count; i++)
        judge(&ps, &ps.list[i]);
    if (status < 0)
        return status;
    correct(&ps);
    if (ps.count == 0) {
        *ret = unsupported("No two addresses were seen together on three days or more.");
        return 0;
    }
    *ret = json_array();
    for (size_t i = 0; i < ps.count && json_array_size(*ret) < SHOWN; i++)
        if (ps.list[i].regular || alike_before(&ps, i) < ALIKE)
            json_array_append_new(*ret, pair_json(a, &ps.list[i]));
    return 0;
}
