/* SPDX-License-Identifier: Apache-2.0 */
/* Tor by host and relay, against what Tor's own rules make a client do (stats/guard.h), and whether
 * a host's torrents come after its Tor. */
#include <stdlib.h>
#include <string.h>

#include "analysis/concealment.h"
#include "stats/guard.h"
#include "stats/order.h"

enum { PAIRS_SHOWN = 100, AFTER_SLOTS = 2, DAYS_MIN = 7 };

struct pair {
    struct ip local, remote;
    int32_t first, last;
    size_t days, run, longest;
    size_t relays, host_days; /* of the host */
    double flows;
};

static void pair_day(struct pair *p, int32_t day, double flows)
{
    p->run = p->days > 0 && day == p->last + 1 ? p->run + 1 : 1;
    p->longest = p->run > p->longest ? p->run : p->longest;
    p->first = p->days == 0 ? day : p->first;
    p->last = day;
    p->days++;
    p->flows += flows;
}

/* Each host's relays and the days from its first to its last with any of them. Pairs of a host are
 * neighbours. */
static void fill_hosts(struct pair *pairs, size_t count)
{
    for (size_t i = 0, end; i < count; i = end) {
        int32_t first = pairs[i].first, last = pairs[i].last;
        for (end = i; end < count && ip_equal(&pairs[end].local, &pairs[i].local); end++) {
            first = pairs[end].first < first ? pairs[end].first : first;
            last = pairs[end].last > last ? pairs[end].last : last;
        }
        for (size_t k = i; k < end; k++) {
            pairs[k].relays = end - i;
            pairs[k].host_days = (size_t)(last - first + 1);
        }
    }
}

static int by_days(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->days != y->days)
        return x->days > y->days ? -1 : 1;
    int order = memcmp(&x->local, &y->local, sizeof(x->local));
    return order ? order : memcmp(&x->remote, &y->remote, sizeof(x->remote));
}

static size_t pairs_of(struct analysis *a, const struct block *b, struct pair **ret)
{
    size_t rows = block_rows(b), count = 0;
    struct pair *pairs = arena_array(a->arena, rows + 1, sizeof(*pairs));
    for (size_t i = 0; i < rows; i++) {
        struct ip local = ip_of(block_bytes(b, 0, i)), remote = ip_of(block_bytes(b, 1, i));
        if (count == 0 || !ip_equal(&pairs[count - 1].local, &local) ||
            !ip_equal(&pairs[count - 1].remote, &remote))
            pairs[count++] = (struct pair){.local = local, .remote = remote};
        pair_day(&pairs[count - 1], (int32_t)block_u64(b, 2, i), block_f64(b, 3, i));
    }
    fill_hosts(pairs, count);
    qsort(pairs, count, sizeof(*pairs), by_days);
    *ret = pairs;
    return count;
}

static json_t *pair_json(struct analysis *a, const struct pair *p)
{
    struct guard_use use = {.span_days = (size_t)(p->last - p->first + 1),
                            .relays = p->relays,
                            .host_days = p->host_days};
    struct guard_verdict v = guard_judge(&use);
    const char *local = ip_words(a, &p->local), *relay = ip_words(a, &p->remote);
    const char *filter =
        arena_format(a->arena, "local host %s and remote host %s and service tor and " USAGE_FILTER,
                     local, relay);
    return json_pack(
        "{s:s, s:s, s:s, s:i, s:o, s:o, s:i, s:i, s:o, s:{s:b, s:{s:o, s:s, s:i}}, s:o}", "local",
        local, "relay", relay, "role", "unknown without consensus data for that date", "days_seen",
        (int)p->days, "first", date_json(p->first), "last", date_json(p->last), "longest_run",
        (int)p->longest, "relays_of_host", (int)p->relays, "flows", count_json(p->flows),
        "guard_policy", "normal", (int)v.normal, "test", "p", number_json(v.p), "method",
        "days from first to last use against a guard's 108 to 120 days, and the host's relays "
        "against three guards replaced every 60 days",
        "draws", 0, "evidence", evidence_json(a, filter, p->flows));
}

static int add_pairs(struct analysis *a, json_t *section, struct error *err)
{
    struct block *b = NULL;
    struct pair *pairs;
    int status = ask(a, &b, err,
                     "SELECT local, remote, toUInt32(toUInt16(day)) AS d, sum(flows) AS n FROM "
                     "contact WHERE %s AND " USAGE " AND service = %u GROUP BY local, remote, d "
                     "ORDER BY local, remote, d",
                     a->window, concealment_code(a, SYMBOL_SERVICE, "tor"));
    if (status < 0)
        return status;
    size_t count = pairs_of(a, b, &pairs);
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < PAIRS_SHOWN; i++)
        json_array_append_new(list, pair_json(a, &pairs[i]));
    json_object_set_new(section, "tor", list);
    json_object_set_new(section, "tor_pairs", json_integer((json_int_t)count));
    block_free(b);
    return 0;
}

/* --- Tor, then torrents --- */

struct follower {
    struct ip local;
    uint64_t *tor, *p2p; /* by day of the study: bit i, the i-th half hour */
    size_t tor_days, p2p_days, followed;
    double flows, p, q;
};

/* Days on which torrents begin in a half hour of Tor or one of the two after it, Tor's days turned
 * by `turn`. */
static size_t followed_days(const struct follower *f, size_t days, size_t turn)
{
    size_t count = 0;
    for (size_t d = 0; d < days; d++) {
        uint64_t after = f->tor[(d + turn) % days];
        for (int k = 0; k < AFTER_SLOTS; k++)
            after |= after << 1;
        count += (after & f->p2p[d]) != 0;
    }
    return count;
}

static void follower_test(struct follower *f, size_t days)
{
    size_t as_many = 0;
    f->followed = followed_days(f, days, 0);
    for (size_t turn = 1; turn < days; turn++)
        as_many += followed_days(f, days, turn) >= f->followed;
    f->p = (double)(as_many + 1) / (double)days;
}

/* Hosts with Tor and torrents on a week of days each; rows come by host. */
static size_t followers_of(struct analysis *a, const struct block *b, uint32_t p2p,
                           struct follower **ret)
{
    size_t rows = block_rows(b), count = 0;
    struct follower *list = arena_array(a->arena, rows + 1, sizeof(*list)), *f = NULL;
    for (size_t i = 0; i < rows; i++) {
        struct ip local = ip_of(block_bytes(b, 0, i));
        int64_t day = (int64_t)block_u64(b, 1, i) - a->study->from_day;
        if (!f || !ip_equal(&f->local, &local)) {
            count += f && f->tor_days >= DAYS_MIN && f->p2p_days >= DAYS_MIN;
            f = &list[count];
            *f = (struct follower){.local = local};
            f->tor = arena_array(a->arena, a->days + 1, sizeof(*f->tor));
            f->p2p = arena_array(a->arena, a->days + 1, sizeof(*f->p2p));
        }
        if (day < 0 || day >= (int64_t)a->days)
            continue;
        bool is_p2p = block_u64(b, 2, i) == p2p;
        (is_p2p ? f->p2p : f->tor)[day] = block_u64(b, 3, i);
        *(is_p2p ? &f->p2p_days : &f->tor_days) += 1;
        f->flows += block_f64(b, 4, i);
    }
    count += f && f->tor_days >= DAYS_MIN && f->p2p_days >= DAYS_MIN;
    *ret = list;
    return count;
}

static json_t *follower_json(struct analysis *a, const struct follower *f)
{
    const char *local = ip_words(a, &f->local);
    const char *filter = arena_format(
        a->arena, "local host %s and (category tor or category p2p) and " USAGE_FILTER, local);
    return json_pack("{s:s, s:i, s:i, s:i, s:{s:o, s:o, s:s, s:i}, s:o}", "local", local,
                     "tor_days", (int)f->tor_days, "torrent_days", (int)f->p2p_days,
                     "followed_days", (int)f->followed, "test", "p", number_json(f->p), "q",
                     number_json(f->q), "method",
                     "days with torrents within an hour after Tor, against Tor's days turned in a "
                     "circle, one-sided",
                     "draws", (int)a->days - 1, "evidence", evidence_json(a, filter, f->flows));
}

static int add_followers(struct analysis *a, json_t *section, struct error *err)
{
    uint32_t tor = concealment_code(a, SYMBOL_CATEGORY, "tor");
    uint32_t p2p = concealment_code(a, SYMBOL_CATEGORY, "p2p");
    struct block *b = NULL;
    struct follower *list;
    int status = ask(a, &b, err,
                     "SELECT local, toUInt32(toUInt16(day)) AS d, toUInt32(category) AS c, "
                     "groupBitOr(slots) AS s, sum(flows) AS n FROM daily WHERE %s AND " USAGE
                     " AND (category = %u OR category = %u) AND local IN (SELECT local FROM daily "
                     "WHERE %s AND " USAGE " AND category = %u) GROUP BY local, d, c "
                     "ORDER BY local, d, c",
                     a->window, tor, p2p, a->window, tor);
    if (status < 0)
        return status;
    size_t count = followers_of(a, b, p2p, &list);
    double *p = arena_array(a->arena, 2 * count + 1, sizeof(*p));
    for (size_t i = 0; i < count; i++) {
        follower_test(&list[i], a->days);
        p[i] = list[i].p;
    }
    false_discovery(p, count, p + count);
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++) {
        list[i].q = p[count + i];
        json_array_append_new(rows, follower_json(a, &list[i]));
    }
    json_object_set_new(section, "tor_then_torrents", rows);
    block_free(b);
    return 0;
}

int concealment_tor(struct analysis *a, json_t *section, struct error *err)
{
    int status = add_pairs(a, section, err);
    return status < 0 ? status : add_followers(a, section, err);
}
