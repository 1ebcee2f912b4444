/* SPDX-License-Identifier: Apache-2.0 */
/* Tor by host and relay: what the relay was on each of the days (attribute/tor.h), its use against
 * what Tor's own rules make a client do (stats/guard.h), and whether a host's torrents come after
 * its Tor. A relay that was never a guard on the days it was listed is none that a client chose to
 * enter by, so it does not count among the host's entry relays. */
#include <stdlib.h>
#include <string.h>

#include "analysis/concealment.h"
#include "attribute/dated.h"
#include "stats/guard.h"
#include "stats/order.h"

enum { PAIRS_SHOWN = 100, AFTER_SLOTS = 2, DAYS_MIN = 7 };

/* What a relay may have been on a day; the last where no consensus of that time tells. */
static const char *const roles[] = {"guard", "guard and exit", "exit", "middle", "unknown"};
enum {
    GUARD,
    GUARD_AND_EXIT,
    TOR_ROLES = sizeof(roles) / sizeof(roles[0]),
    UNKNOWN = TOR_ROLES - 1
};

struct pair {
    struct ip local, remote;
    size_t role_days[TOR_ROLES];
    int32_t first, last;
    size_t days, run, longest;
    size_t relays, host_days; /* of the host */
    double flows;
};

static size_t role_of_day(const struct dated *lists, const struct ip *relay, uint64_t time_ms)
{
    struct tor_answer t = tor_find(dated_tor(lists), relay, 0, time_ms, dated_tor_age_s(lists));
    const char *text = tor_role_text(&t);
    size_t role = 0;
    while (role < UNKNOWN && strcmp(roles[role], text) != 0)
        role++;
    return role;
}

static bool may_be_entry(const struct pair *p)
{
    return p->role_days[GUARD] + p->role_days[GUARD_AND_EXIT] > 0 ||
           p->role_days[UNKNOWN] == p->days;
}

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
        size_t entries = 0;
        for (end = i; end < count && ip_equal(&pairs[end].local, &pairs[i].local); end++) {
            first = pairs[end].first < first ? pairs[end].first : first;
            last = pairs[end].last > last ? pairs[end].last : last;
            entries += may_be_entry(&pairs[end]);
        }
        for (size_t k = i; k < end; k++) {
            pairs[k].relays = entries ? entries : 1;
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

static size_t pairs_of(struct analysis *a, const struct dated *lists, const struct block *b,
                       struct pair **ret)
{
    size_t rows = block_rows(b), count = 0;
    struct pair *pairs = arena_array(a->arena, rows + 1, sizeof(*pairs));
    for (size_t i = 0; i < rows; i++) {
        struct ip local = ip_of(block_bytes(b, 0, i)), remote = ip_of(block_bytes(b, 1, i));
        if (count == 0 || !ip_equal(&pairs[count - 1].local, &local) ||
            !ip_equal(&pairs[count - 1].remote, &remote))
            pairs[count++] = (struct pair){.local = local, .remote = remote};
        pair_day(&pairs[count - 1], (int32_t)block_u64(b, 2, i), block_f64(b, 3, i));
        pairs[count - 1].role_days[role_of_day(lists, &remote, block_u64(b, 4, i))]++;
    }
    fill_hosts(pairs, count);
    qsort(pairs, count, sizeof(*pairs), by_days);
    *ret = pairs;
    return count;
}

/* What it was on most of the days that are known. */
static const char *usual_role(const struct pair *p)
{
    size_t best = UNKNOWN;
    for (size_t role = 0; role < UNKNOWN; role++)
        if (p->role_days[role] && (best == UNKNOWN || p->role_days[role] > p->role_days[best]))
            best = role;
    return roles[best];
}

static json_t *role_days_json(const struct pair *p)
{
    json_t *j = json_object();
    for (size_t role = 0; role < TOR_ROLES; role++)
        if (p->role_days[role])
            json_object_set_new(j, roles[role], json_integer((json_int_t)p->role_days[role]));
    return j;
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
        "{s:s, s:s, s:s, s:o, s:i, s:o, s:o, s:i, s:i, s:o, s:{s:b, s:{s:o, s:s, s:i}}, s:o}",
        "local", local, "relay", relay, "role", usual_role(p), "roles", role_days_json(p),
        "days_seen", (int)p->days, "first", date_json(p->first), "last", date_json(p->last),
        "longest_run", (int)p->longest, "relays_of_host", (int)p->relays, "flows",
        count_json(p->flows), "guard_policy", "normal", (int)v.normal, "test", "p",
        number_json(v.p), "method",
        "days from first to last use against a guard's 108 to 120 days, and the host's relays "
        "against three guards replaced every 60 days",
        "draws", 0, "evidence", evidence_json(a, filter, p->flows));
}

static int add_pairs(struct analysis *a, const struct dated *lists, json_t *section,
                     struct error *err)
{
    struct block *b = NULL;
    struct pair *pairs;
    int status = ask(a, &b, err,
                     "SELECT local, remote, toUInt32(toUInt16(day)) AS d, sum(flows) AS n, "
                     "min(first_ms) AS f FROM hidden WHERE service = %u "
                     "GROUP BY local, remote, d ORDER BY local, remote, d",
                     concealment_code(a, SYMBOL_SERVICE, "tor"));
    if (status < 0)
        return status;
    size_t count = pairs_of(a, lists, b, &pairs);
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

int concealment_tor(struct analysis *a, const struct dated *lists, json_t *section,
                    struct error *err)
{
    int status = add_pairs(a, lists, section, err);
    return status < 0 ? status : add_followers(a, section, err);
}
