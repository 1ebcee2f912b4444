/* SPDX-License-Identifier: Apache-2.0 */
/* Chains: a host of the population asks a pivot, and a moment later the pivot asks somebody else
 * for about as much. Each host, pivot address and far end with enough conversations is one test;
 * the false discovery rate is held over all of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/pivots.h"
#include "base/buf.h"
#include "stats/chain.h"
#include "stats/order.h"

enum {
    LEGS_MAX = 1 << 20, /* conversations looked at, each way */
    LEGS_LEAST = 5,     /* of a pair, each way */
    PAIRS_MAX = 100000,
};
#define FALSE_DISCOVERY 0.05

/* Legs of one pair of addresses. */
struct thread {
    struct ip from, to; /* in: host and relay; out: relay and far end */
    size_t first, count;
    uint64_t first_ms, last_ms;
};

struct side {
    struct leg *legs; /* by pair, then start */
    struct thread *threads;
    size_t count;
};

struct pair {
    const struct thread *in, *out;
    struct chain_test test;
};

static struct ip ip_at(const struct block *b, size_t column, size_t row)
{
    struct ip ip = {0};
    struct bytes octets = block_bytes(b, column, row);
    memcpy(ip.octet, octets.at, octets.len < IP_OCTETS ? octets.len : IP_OCTETS);
    return ip;
}

/* Pairs with fewer than LEGS_LEAST are left out: which are is no matter of how they match. */
static void group(struct analysis *a, const struct block *b, struct side *ret)
{
    size_t rows = block_rows(b);
    struct thread *t = NULL;
    ret->legs = arena_array(a->arena, rows + 1, sizeof(*ret->legs));
    ret->threads = arena_array(a->arena, rows + 1, sizeof(*ret->threads));
    for (size_t i = 0; i < rows; i++) {
        struct ip from = ip_at(b, 0, i), to = ip_at(b, 1, i);
        uint64_t start_ms = block_u64(b, 2, i);
        ret->legs[i] = (struct leg){(double)start_ms / 1000, block_f64(b, 3, i)};
        if (!t || !ip_equal(&t->from, &from) || !ip_equal(&t->to, &to)) {
            ret->count += t && t->count >= LEGS_LEAST;
            t = &ret->threads[ret->count];
            *t = (struct thread){.from = from, .to = to, .first = i, .first_ms = start_ms};
        }
        t->count++;
        t->last_ms = start_ms;
    }
    ret->count += t && t->count >= LEGS_LEAST;
}

#define OCTETS "(octets_out + octets_in) * if(sampling = 0, 1, sampling)"

/* Every pivot's range and time, with `column` the pivot's end. */
static const char *pivots_sql(struct analysis *a, const char *column)
{
    struct buf sql;
    buf_init(&sql, 1 << 20);
    for (size_t i = 0; i < a->study->pivot_count; i++) {
        const struct study_pivot *p = &a->study->pivots[i];
        uint64_t to = p->to_ms < a->study->to_ms ? p->to_ms : a->study->to_ms;
        buf_format(&sql, "%s(%s AND start_ms >= %" PRIu64 " AND start_ms < %" PRIu64 ")",
                   i ? " OR " : "", range_sql(a, column, &p->prefix), p->from_ms, to);
    }
    const char *text = arena_text(a->arena, sql.at, sql.len);
    buf_done(&sql);
    return text;
}

/* Only what was asked for: the population asks the pivot, and the pivot asks. */
static int load_side(struct analysis *a, bool out, struct side *ret, bool *ret_many,
                     struct error *err)
{
    struct block *b = NULL;
    const char *sql = arena_format(
        a->arena,
        "SELECT local, remote, start_ms, " OCTETS " AS o FROM flow WHERE start_ms >= %" PRIu64
        " AND start_ms < %" PRIu64 " AND role = %d AND bitAnd(marks, %d) %s 0 AND (%s) "
        "ORDER BY local, remote, start_ms, o LIMIT %d",
        a->study->from_ms, a->study->to_ms, ROLE_CONSUMED, MARK_PIVOT, out ? "!=" : "=",
        pivots_sql(a, out ? "local" : "remote"), LEGS_MAX + 1);
    int status = engine_query(a->engine, sql, &b, err);
    if (status < 0)
        return status;
    *ret_many = block_rows(b) > LEGS_MAX;
    if (!*ret_many)
        group(a, b, ret);
    block_free(b);
    return 0;
}

/* --- pairs --- */

static size_t pairs_of(const struct side *in, const struct side *out, struct pair *ret)
{
    size_t count = 0;
    for (size_t i = 0; i < in->count; i++)
        for (size_t j = 0; j < out->count; j++) {
            if (!ip_equal(&in->threads[i].to, &out->threads[j].from))
                continue;
            if (ret && count < PAIRS_MAX)
                ret[count] = (struct pair){.in = &in->threads[i], .out = &out->threads[j]};
            count++;
        }
    return count;
}

static void test_all(struct analysis *a, const struct side *in, const struct side *out,
                     struct pair *pairs, size_t count)
{
    struct random random;
    random_init_named(&random, a->study->seed, "chains");
    for (size_t i = 0; i < count; i++) {
        struct pair *x = &pairs[i];
        x->test = chain_test(in->legs + x->in->first, x->in->count, out->legs + x->out->first,
                             x->out->count, &chain_setting_default, &random);
    }
}

static json_t *chain_json(struct analysis *a, const struct pair *x, double q)
{
    const char *local = ip_words(a, &x->in->from), *relay = ip_words(a, &x->in->to),
               *far = ip_words(a, &x->out->to);
    const char *filter = arena_format(
        a->arena, "pivot and local host %s and remote host %s and role consumed", relay, far);
    return json_pack(
        "{s:s, s:[s, s], s:o, s:I, s:I, s:I, s:o, s:o, s:{s:o, s:o, s:s, s:i, s:o}, s:o}", "local",
        local, "hops", relay, far, "octets", count_json(x->test.octets), "matched",
        (json_int_t)x->test.matched, "flows_in", (json_int_t)x->in->count, "flows_out",
        (json_int_t)x->out->count, "first", time_json(x->out->first_ms), "last",
        time_json(x->out->last_ms), "test", "p", number_json(x->test.p), "q", number_json(q),
        "method",
        "conversations that follow within 5 s with half to twice the octets, against "
        "times shifted by 1 to 60 minutes; negative binomial with the null's moments",
        "draws", (int)chain_setting_default.draws, "expected", number_json(x->test.null_mean),
        "evidence",
        evidence_window(filter, x->out->first_ms, x->out->last_ms + 1, (double)x->out->count));
}

static int by_q(const void *left, const void *right)
{
    const struct pair *x = left, *y = right;
    if (x->test.p != y->test.p)
        return x->test.p < y->test.p ? -1 : 1;
    int order = memcmp(&x->in->from, &y->in->from, sizeof(struct ip));
    return order ? order : memcmp(&x->out->to, &y->out->to, sizeof(struct ip));
}

static json_t *flagged(struct analysis *a, struct pair *pairs, size_t count)
{
    json_t *list = json_array();
    double *q = arena_array(a->arena, count + 1, sizeof(*q));
    double *p = arena_array(a->arena, count + 1, sizeof(*p));
    qsort(pairs, count, sizeof(*pairs), by_q);
    for (size_t i = 0; i < count; i++)
        p[i] = pairs[i].test.p;
    false_discovery(p, count, q);
    /* A few that strike together (tasks of the hour) are no chain, however unlikely. */
    for (size_t i = 0; i < count && q[i] <= FALSE_DISCOVERY; i++)
        if (pairs[i].test.matched >= LEGS_LEAST)
            json_array_append_new(list, chain_json(a, &pairs[i], q[i]));
    return list;
}

int chains_list(struct analysis *a, json_t **ret, struct error *err)
{
    struct side in = {0}, out = {0};
    bool many_in = false, many_out = false;
    if (a->study->pivot_count == 0) {
        *ret = unsupported("The study names no pivots: what a relay did with the traffic it took "
                           "was not recorded, so no chain can be followed.");
        return 0;
    }
    int status = load_side(a, false, &in, &many_in, err);
    if (status == 0)
        status = load_side(a, true, &out, &many_out, err);
    if (status < 0)
        return status;
    size_t count = many_in || many_out ? 0 : pairs_of(&in, &out, NULL);
    if (many_in || many_out || count > PAIRS_MAX) {
        *ret = unsupported("Too many conversations go to the pivots or come from them for chains "
                           "to be told from chance: name narrower pivots or dates.");
        return 0;
    }
    if (count == 0) {
        *ret = unsupported("No host of the population and no far end of a pivot had the five "
                           "conversations with it that a chain needs to be told from chance.");
        return 0;
    }
    struct pair *pairs = arena_array(a->arena, count, sizeof(*pairs));
    pairs_of(&in, &out, pairs);
    test_all(a, &in, &out, pairs, count);
    *ret = flagged(a, pairs, count);
    return 0;
}
