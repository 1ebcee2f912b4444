/* SPDX-License-Identifier: Apache-2.0 */
/* What a report asks of all conversations of the study's days at once, made when they come in: who
 * met what, how many ends there are, which pairs last, who tried in vain. A report reads these
 * instead of the flows, so that it takes as long as the study has days and addresses.
 *
 * They belong to the study's days and to what is in the ledger: `meta` says which (mark_text), and
 * whoever needs them (store_summary) makes them again when it says something else. Questions that
 * must hold every pair of addresses go over a few million rows of some hosts at a time. */
#include "store/store_in.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "schema/values.h"

enum {
    ROWS_AT_ONCE = 4000000,
    PAIR_DAYS_MIN = 3,  /* rows of a pair in `contact`: at least its days */
    CANDIDATES = 100,   /* pairs, by each of three orders */
    ALIKE = 3,          /* pairs of one local address and service that are merely long lasting */
    A_DAY_MAX = 1000,   /* conversations of a pair a day: more is a stream without intervals */
    STARTS_MAX = 20000, /* of a pair: past that, of days at even distances */
    TARGETS_MIN = 4,    /* targets in vain: fewer decide nothing */
    PORTS_MIN = 50,     /* ports of one target in vain */
    PORTS_SHOWN = 5,
    SERVER_REMOTES_MIN = 2, /* an address and port that several asked, */
    SERVER_FLOWS_MIN = 3,   /* or one again and again; once is chance (a call, a data connection) */
    SERIES_PORTS = 64,      /* ports of servers with most conversations, */
    SERIES_FLOWS_MIN = 20,  /* that have so many */
};

/* Raised when the SQL below changes. */
static const char summary_version[] = "4";

static const char *const summaries[] = {
    "reach",     "met",       "fact",      "doubtful", "pair",   "pair_day", "pair_start", "scan",
    "scan_walk", "scan_port", "owner_day", "hidden",   "server", "port_day", "device",     "fault"};
enum { SUMMARIES = sizeof summaries / sizeof *summaries };

/* The population's own use: schema/values.h has the numbers. */
#define USE         "role IN (1, 3) AND pivot = 0"
#define USE_OF_FLOW "role IN (1, 3) AND bitAnd(marks, 512) = 0"

/* What came in unasked and could be a probe: no resets and no answers to forged packets. */
#define PROBE                                                                                      \
    "(role = 4 AND ((protocol IN (6, 17) AND NOT (remote_port < 1024 AND local_port >= 1024) AND " \
    "bitAnd(tcp_flags_in, 4) = 0 AND bitAnd(tcp_flags_in, 18) != 18) OR (protocol = 1 AND "        \
    "local_port = 2048) OR (protocol = 58 AND local_port = 32768)))"
/* Connections that failed, where both directions are exported: no answer, or a refusal. Without
 * flags only silence is a failure. */
#define FAILED_TWO_WAY                                                                             \
    "((tcp_flags_out = 0 AND packets_in = 0) OR (bitAnd(tcp_flags_out, 18) = 2 AND (packets_in = " \
    "0 OR bitAnd(tcp_flags_in, 6) = 4)))"
/* Where only the population's own packets are: a SYN that no ACK followed. */
#define FAILED_ONE_WAY "bitAnd(tcp_flags_out, 18) = 2"

/* First contacts, by who made them. */
struct direction {
    unsigned inward;
    const char *source, *target, *port, *roles, *failed, *answered, *counted;
};

static const struct direction outward_two_way = {
    0,
    "local",
    "remote",
    "remote_port",
    "role = 1 AND protocol = 6",
    FAILED_TWO_WAY,
    "(packets_in > 0 AND NOT " FAILED_TWO_WAY ")",
    "1",
};
static const struct direction outward_one_way = {
    0,
    "local",
    "remote",
    "remote_port",
    "role = 1 AND protocol = 6",
    FAILED_ONE_WAY,
    "bitAnd(tcp_flags_out, 16) = 16",
    "1",
};
static const struct direction inward = {
    1, "remote", "local", "local_port", "role IN (2, 4)", PROBE, "role = 2", "role = 4",
};

struct summary {
    struct store *s;
    char days[96], flow_days[224]; /* conditions: the study's days, of derived tables and of flow */
    struct error *err;
};

static int run(struct summary *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int run(struct summary *m, const char *format, ...)
{
    struct buf sql;
    char *text = NULL;
    va_list list;
    va_start(list, format);
    int len = vasprintf(&text, format, list);
    va_end(list);
    if (len < 0)
        return error_set(m->err, ERROR_FAILED, "out of memory");
    buf_init(&sql, 1 << 20);
    buf_add(&sql, text, (size_t)len);
    buf_add(&sql, "", 1);
    free(text);
    int status = sql.failed ? error_set(m->err, ERROR_FAILED, "a statement is too long")
                            : engine_run(m->s->engine, sql.at, m->err);
    buf_done(&sql);
    return status;
}

/* --- hosts, some at a time --- */

struct span {
    char from[2 * IP_OCTETS + 1], to[2 * IP_OCTETS + 1]; /* local addresses, both included */
};

static void hex(char text[2 * IP_OCTETS + 1], struct bytes ip)
{
    for (size_t i = 0; i < IP_OCTETS; i++)
        snprintf(text + 2 * i, 3, "%02x", i < ip.len ? ip.at[i] : 0);
}

/* Splits the local addresses of `sql` ("local, rows" in ascending order) so that the rows of a
 * span are few enough for one question. One host may be more than that by itself. */
static int split(struct summary *m, const char *sql, struct span **ret, size_t *ret_count)
{
    struct block *b = NULL;
    int status = engine_query(m->s->engine, sql, &b, m->err);
    if (status)
        return status;
    size_t n = block_rows(b), count = 0;
    struct span *spans = memory_array(n + 1, sizeof *spans);
    uint64_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t here = block_u64(b, 1, i);
        if (count == 0 || rows + here > ROWS_AT_ONCE) {
            hex(spans[count++].from, block_bytes(b, 0, i));
            rows = 0;
        }
        hex(spans[count - 1].to, block_bytes(b, 0, i));
        rows += here;
    }
    block_free(b);
    *ret = spans;
    *ret_count = count;
    return 0;
}

/* --- who met what --- */

static int make_reach(struct summary *m)
{
    int status = run(m,
                     "INSERT INTO reach (local, service, category, country, owner, role, pivot, "
                     "flows) SELECT local, service, category, country, owner, role, pivot, "
                     "sum(flows) AS n FROM contact WHERE %s GROUP BY local, service, category, "
                     "country, owner, role, pivot",
                     m->days);
    if (status)
        return status;
    /* Networks whose owner is of a kind that a report names one by one. */
    return run(m,
               "INSERT INTO met (country, asn, owner, flows, local_hosts, remote_hosts, days, "
               "remote) SELECT country, asn, owner, sum(flows) AS n, uniqExact(local) AS l, "
               "uniqExact(remote) AS r, toUInt32(uniqExact(day)) AS d, min(remote) AS o FROM "
               "contact WHERE %s AND " USE " AND owner NOT IN (%d, %d, %d, %d) GROUP BY country, "
               "asn, owner",
               m->days, OWNER_UNKNOWN, OWNER_CONSUMER_SERVICE, OWNER_HOSTING, OWNER_CDN);
}

/* Remote addresses by role, and of use (bit 7): each address once with the roles it was met in. */
static int make_remote_hosts(struct summary *m)
{
    return run(m,
               "INSERT INTO fact (name, value) SELECT concat('remote_hosts.', if(k = 7, 'use', "
               "toString(k))) AS x, sum(n) AS v FROM (SELECT roles, count() AS n FROM (SELECT "
               "remote, groupBitOr(bitOr(bitShiftLeft(toUInt8(1), role), if(role IN (1, 3), 128, "
               "0))) AS roles FROM contact WHERE %s AND pivot = 0 GROUP BY remote) GROUP BY roles) "
               "ARRAY JOIN [0, 1, 2, 3, 4, 7] AS k WHERE bitAnd(roles, bitShiftLeft(toUInt8(1), "
               "toUInt8(k))) > 0 GROUP BY k",
               m->days);
}

static int make_facts(struct summary *m)
{
    int status = make_remote_hosts(m);
    if (status == 0)
        status = run(m,
                     "INSERT INTO fact (name, value) SELECT concat('pairs.', toString(role)) AS k, "
                     "count() AS v FROM contact WHERE %s AND pivot = 0 GROUP BY role",
                     m->days);
    if (status == 0)
        status =
            run(m,
                "INSERT INTO fact (name, value) SELECT k, v FROM (SELECT ['tcp', 'tcp_both_ways', "
                "'tcp_flags', 'sampling', 'told'] AS ks, [toUInt64(countIf(role = 1 AND protocol = "
                "6)), "
                "toUInt64(countIf(role = 1 AND protocol = 6 AND packets_in > 0)), "
                "toUInt64(countIf(role = 1 AND protocol = 6 AND tcp_flags_out > 0)), "
                "toUInt64(max(sampling)), toUInt64(countIf(fingerprint != 0 OR tls_faults != 0 OR "
                "name_kind != 0))] AS vs FROM flow WHERE %s AND bitAnd(marks, %d) = 0) "
                "ARRAY JOIN ks AS k, vs AS v",
                m->flow_days, MARK_PIVOT);
    return status;
}

/* Conversations that may be of several services, by the slot of their start. */
static int make_doubtful(struct summary *m)
{
    return run(
        m,
        "INSERT INTO doubtful (slot, candidates, category, role, flows, packets, octets) "
        "SELECT toUInt32(intDiv(start_ms, %u) * %u) AS t, candidates, category, role, "
        "count() AS n, sum((packets_out + packets_in) * if(sampling = 0, 1, sampling)) AS p, "
        "sum((octets_out + octets_in) * if(sampling = 0, 1, sampling)) AS o FROM flow WHERE "
        "%s AND candidates > 0 AND bitAnd(marks, %d) = 0 GROUP BY t, candidates, category, "
        "role",
        m->s->slot_s * 1000, m->s->slot_s, m->flow_days, MARK_PIVOT);
}

/* --- what hides, who serves, and what told of itself --- */

/* By day what the report asks of kinds of owners; and pairs of services that hide. */
static int make_hidden(struct summary *m)
{
    const struct symbols *names = m->s->symbols;
    int status = run(m,
                     "INSERT INTO owner_day (day, service, category, owner, flows, packets, "
                     "octets) SELECT day, service, category, owner, sum(flows) AS n, sum(packets) "
                     "AS p, sum(octets) AS o FROM contact WHERE %s AND " USE
                     " GROUP BY day, service, category, owner",
                     m->days);
    if (status)
        return status;
    return run(m,
               "INSERT INTO hidden (day, local, remote, service, category, asn, owner, first_ms, "
               "flows) SELECT day, local, remote, service, category, asn, owner, min(first_ms) AS "
               "f, sum(flows) AS n FROM contact WHERE %s AND " USE " AND ((category > 0 AND "
               "category IN (%" PRIu32 ", %" PRIu32 ")) OR (service > 0 AND service = %" PRIu32
               ") OR (owner "
               "= %d AND category = 0 AND service = 0)) GROUP BY day, local, remote, service, "
               "category, asn, owner",
               m->days, symbols_find(names, SYMBOL_CATEGORY, "tor", 3),
               symbols_find(names, SYMBOL_CATEGORY, "vpn", 3),
               symbols_find(names, SYMBOL_SERVICE, "tor", 3), OWNER_VPN);
}

static int make_servers(struct summary *m)
{
    return run(m,
               "INSERT INTO server (local, port, protocol, flows, remotes, days, first_ms, "
               "last_ms, service, octets_out) SELECT local, port, proto, sum(n) AS k, "
               "uniqExactMerge(r) AS hosts, toUInt32(uniqExactMerge(d)) AS seen, min(f) AS fms, "
               "max(l) AS lms, argMax(s, n * 65536 + s) AS kind, sum(o) AS sent FROM (SELECT "
               "local, local_port AS port, protocol AS proto, service AS s, count() AS n, "
               "uniqExactState(remote) AS r, uniqExactState(day) AS d, min(start_ms) AS f, "
               "max(start_ms) AS l, sum(octets_out * if(sampling = 0, 1, sampling)) AS o FROM flow "
               "WHERE %s AND role = 2 AND bitAnd(marks, %d) = 0 AND protocol IN (6, 17, 132) GROUP "
               "BY local, port, proto, s) GROUP BY local, port, proto HAVING hosts >= %d OR k >= "
               "%d",
               m->flow_days, MARK_PIVOT, SERVER_REMOTES_MIN, SERVER_FLOWS_MIN);
}

/* Ports of servers that the population opened most conversations to, by protocol and day. */
static int make_ports(struct summary *m)
{
    struct buf day;
    char where[320];
    const struct study *y = m->s->study;
    snprintf(where, sizeof where,
             "%s AND role = 1 AND protocol IN (6, 17) AND bitAnd(marks, %d) = 0", m->flow_days,
             MARK_PIVOT);
    buf_init(&day, 1 << 20);
    derive_zone_day_sql(&day, y->zone, y->from_day, y->to_day);
    buf_add(&day, "", 1);
    int status =
        run(m,
            "INSERT INTO port_day (protocol, port, day, flows) SELECT protocol, remote_port, %s, "
            "count() AS n FROM flow WHERE %s AND toUInt32(protocol) * 65536 + remote_port IN "
            "(SELECT k FROM (SELECT toUInt32(protocol) * 65536 + remote_port AS k, count() AS n "
            "FROM flow WHERE %s GROUP BY k HAVING n >= %d ORDER BY n DESC, k LIMIT %d)) GROUP BY "
            "protocol, remote_port, zone_day",
            day.at, where, where, SERIES_FLOWS_MIN, SERIES_PORTS);
    buf_done(&day);
    return status;
}

/* Few conversations tell of devices or have a handshake in them: other rows are not read further
 * than the one column that says so. */
static int make_told(struct summary *m)
{
    int status = run(m,
                     "INSERT INTO device (local, platform, platform_basis, day, flows) SELECT "
                     "local, platform, platform_basis, day, count() AS n FROM flow PREWHERE "
                     "platform != 0 WHERE %s AND bitAnd(marks, %d) = 0 GROUP BY local, platform, "
                     "platform_basis, day",
                     m->flow_days, MARK_PIVOT);
    if (status)
        return status;
    return run(m,
               "INSERT INTO fault (tls_faults, local, remote, remote_port, flows) SELECT "
               "tls_faults, local, remote, remote_port, count() AS n FROM flow PREWHERE "
               "tls_faults != 0 WHERE %s AND " USE_OF_FLOW
               " GROUP BY tls_faults, local, remote, remote_port",
               m->flow_days);
}

static int fact(struct summary *m, const char *name, uint64_t *ret)
{
    char sql[128];
    struct block *b;
    snprintf(sql, sizeof sql, "SELECT sum(value) AS v FROM fact WHERE name = '%s'", name);
    int status = engine_query(m->s->engine, sql, &b, m->err);
    if (status)
        return status;
    *ret = block_rows(b) ? block_u64(b, 0, 0) : 0;
    block_free(b);
    return 0;
}

/* --- pairs that last --- */

static int make_pairs(struct summary *m)
{
    char sql[256];
    struct span *spans = NULL;
    size_t count = 0;
    snprintf(sql, sizeof sql,
             "SELECT local, count() AS n FROM contact WHERE %s AND " USE
             " GROUP BY local ORDER BY local",
             m->days);
    int status = split(m, sql, &spans, &count);
    for (size_t i = 0; status == 0 && i < count; i++)
        status =
            run(m,
                "INSERT INTO pair (local, remote, service, seen, flows, squares) SELECT local, "
                "remote, service, toUInt32(count()) AS c, sum(flows) AS n, sum(flows * flows) AS q "
                "FROM contact WHERE %s AND " USE " AND local >= unhex('%s') AND local <= "
                "unhex('%s') GROUP BY local, remote, service HAVING c >= %d",
                m->days, spans[i].from, spans[i].to, PAIR_DAYS_MIN);
    free(spans);
    return status;
}

/* The longest lasting; and the ones whose days are most alike. Daily conversations that come at
 * random are spread as a Poisson count, variance over mean 1; a clock's are not spread at all. */
static const char candidates_longest[] =
    "SELECT local, remote, toUInt32(service) AS s, flows, seen FROM pair ORDER BY seen DESC, flows "
    "DESC, local, remote, s LIMIT 3 BY local, s LIMIT 100";
static const char candidates_even[] =
    "SELECT local, remote, toUInt32(service) AS s, flows, seen, flows < 4 * seen AS few FROM pair "
    "ORDER BY few, (squares / flows - flows / seen - 1) * sqrt(seen), flows DESC, local, remote, s "
    "LIMIT 100 BY few";

static void add_pair(struct buf *list, const struct block *b, size_t row)
{
    char local[2 * IP_OCTETS + 1], remote[2 * IP_OCTETS + 1];
    hex(local, block_bytes(b, 0, row));
    hex(remote, block_bytes(b, 1, row));
    buf_format(list, "%s(toFixedString(unhex('%s'), 16), toFixedString(unhex('%s'), 16), %u)",
               list->len ? ", " : "", local, remote, (unsigned)block_u64(b, 2, row));
}

/* Of a pair with very many starts those of every n-th day are kept; 0 for a stream. */
static unsigned step_of(const struct block *b, size_t row)
{
    uint64_t flows = block_u64(b, 3, row), seen = block_u64(b, 4, row);
    if (flows > A_DAY_MAX * seen)
        return 0;
    unsigned step = (unsigned)((flows + STARTS_MAX - 1) / STARTS_MAX);
    return step % 7 == 0 ? step + 1 : step; /* not the same weekday always */
}

static int add_starts(struct summary *m, const struct buf *list, unsigned step)
{
    if (list->len == 0)
        return 0;
    return run(m,
               "INSERT INTO pair_start (local, remote, service, start_s) SELECT local, remote, "
               "service, toUInt32(intDiv(start_ms, 1000)) AS t FROM flow WHERE %s AND " USE_OF_FLOW
               " AND toUInt16(day) %% %u = 0 AND local IN (SELECT local FROM pair_day) AND (local, "
               "remote, service) IN (%s) GROUP BY local, remote, service, t",
               m->flow_days, step, list->at);
}

enum { STEPS = A_DAY_MAX * 400 / STARTS_MAX + 2 };

static int close_look(struct summary *m, const struct block *const *blocks, size_t count,
                      bool with_starts)
{
    struct buf all, by_step[STEPS];
    buf_init(&all, 1 << 20);
    for (size_t i = 0; i < STEPS; i++)
        buf_init(&by_step[i], 1 << 20);
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < block_rows(blocks[k]); i++) {
            unsigned step = step_of(blocks[k], i);
            add_pair(&all, blocks[k], i);
            if (step > 0)
                add_pair(&by_step[step < STEPS ? step : STEPS - 1], blocks[k], i);
        }
    int status = 0;
    if (all.len)
        status = run(m,
                     "INSERT INTO pair_day (local, remote, service, day, flows) SELECT local, "
                     "remote, service, day, sum(flows) AS n FROM contact WHERE %s AND " USE
                     " AND (local, remote, service) IN (%s) GROUP BY local, remote, service, day",
                     m->days, all.at);
    for (unsigned i = 1; i < STEPS; i++) {
        if (status == 0 && with_starts)
            status = add_starts(m, &by_step[i], i);
        buf_done(&by_step[i]);
    }
    buf_done(&by_step[0]);
    buf_done(&all);
    return status;
}

static int make_lasting(struct summary *m, bool with_starts)
{
    struct block *longest = NULL, *even = NULL;
    int status = make_pairs(m);
    if (status == 0)
        status = engine_query(m->s->engine, candidates_longest, &longest, m->err);
    if (status == 0)
        status = engine_query(m->s->engine, candidates_even, &even, m->err);
    if (status == 0) {
        const struct block *both[] = {longest, even};
        status = close_look(m, both, 2, with_starts);
    }
    block_free(longest);
    block_free(even);
    return status;
}

/* --- who tried in vain --- */

static int make_failed(struct summary *m, const struct direction *d)
{
    int status =
        run(m,
            "INSERT INTO scan (inward, source, failed, targets, ports, ports_of_one, days, "
            "first_ms, last_ms, country, asn) SELECT %u AS w, source_ip, sum(bad) AS n, "
            "toUInt32(count()) AS t, toUInt32(uniqExactArray(port_list)) AS p, "
            "toUInt32(max(length(port_list))) AS o, toUInt32(uniqExactArray(day_list)) AS d, "
            "min(first_bad) AS f, max(last_bad) AS l, max(c) AS mc, max(a) AS ma FROM (SELECT %s "
            "AS source_ip, %s AS target_ip, count() AS bad, groupUniqArray(%s) AS port_list, "
            "groupUniqArray(toUInt16(day)) AS day_list, min(start_ms) AS first_bad, max(start_ms) "
            "AS last_bad, max(country) AS c, max(asn) AS a FROM flow WHERE %s AND bitAnd(marks, "
            "%d) = 0 AND %s AND %s GROUP BY source_ip, target_ip) GROUP BY source_ip HAVING t >= "
            "%d OR o >= %d",
            d->inward, d->source, d->target, d->port, m->flow_days, MARK_PIVOT, d->roles, d->failed,
            TARGETS_MIN, PORTS_MIN);
    if (status)
        return status;
    return run(
        m,
        "INSERT INTO scan_port (inward, source, port, targets) SELECT %u AS w, source_ip, p, "
        "t FROM (SELECT %s AS source_ip, %s AS p, uniqExact(%s) AS t FROM flow WHERE %s AND "
        "bitAnd(marks, %d) = 0 AND %s AND %s AND %s IN (SELECT source FROM scan WHERE inward "
        "= %u) GROUP BY source_ip, p ORDER BY source_ip, t DESC, p LIMIT %d BY source_ip)",
        d->inward, d->source, d->port, d->target, m->flow_days, MARK_PIVOT, d->roles, d->failed,
        d->source, d->inward, PORTS_SHOWN);
}

/* First contacts of those who failed, in their order: 1 for each that succeeded. */
static int make_walks(struct summary *m, const struct direction *d, const char *part)
{
    return run(
        m,
        "INSERT INTO scan_walk (inward, source, flows, ports_in_vain, walk) SELECT %u AS w, "
        "source_ip, sum(n) AS f, toUInt32(uniqExactIf(port, success = 0 AND bad > 0)) AS p, "
        "arrayMap(x -> x.3, arraySort(groupArrayIf((at, target_ip, success), bad + good > 0))) AS "
        "steps FROM (SELECT %s AS source_ip, %s AS target_ip, countIf(%s) AS n, countIf(%s) AS "
        "bad, countIf(%s) AS good, minIf(start_ms, %s) AS first_bad, minIf(start_ms, %s) AS "
        "first_good, minIf(%s, %s) AS port, toUInt8(good > 0 AND (bad = 0 OR first_good <= "
        "first_bad)) AS success, if(bad = 0, first_good, if(good = 0, first_bad, "
        "least(first_good, first_bad))) AS at FROM flow WHERE %s AND bitAnd(marks, %d) = 0 AND %s "
        "AND %s AND %s IN (SELECT source FROM scan WHERE inward = %u) GROUP BY source_ip, "
        "target_ip) GROUP BY source_ip",
        d->inward, d->source, d->target, d->counted, d->failed, d->answered, d->failed, d->answered,
        d->port, d->failed, m->flow_days, MARK_PIVOT, d->roles, part, d->source, d->inward);
}

static int make_outward(struct summary *m, const struct direction *d)
{
    struct span *spans = NULL;
    size_t count = 0;
    int status = make_failed(m, d);
    if (status == 0)
        status = split(m,
                       "SELECT local, sum(flows) AS n FROM reach WHERE role = 1 AND pivot = 0 AND "
                       "local IN (SELECT source FROM scan WHERE inward = 0) GROUP BY local ORDER "
                       "BY local",
                       &spans, &count);
    for (size_t i = 0; status == 0 && i < count; i++) {
        char part[160];
        snprintf(part, sizeof part, "local >= unhex('%s') AND local <= unhex('%s')", spans[i].from,
                 spans[i].to);
        status = make_walks(m, d, part);
    }
    free(spans);
    return status;
}

static int make_inward(struct summary *m)
{
    uint64_t rows = 0, more = 0;
    int status = make_failed(m, &inward);
    if (status == 0)
        status = fact(m, "pairs.2", &rows);
    if (status == 0)
        status = fact(m, "pairs.4", &more);
    unsigned parts = (unsigned)((rows + more) / ROWS_AT_ONCE) + 1;
    for (unsigned i = 0; status == 0 && i < parts; i++) {
        char part[64];
        snprintf(part, sizeof part, "sipHash64(remote) %% %u = %u", parts, i);
        status = make_walks(m, &inward, part);
    }
    return status;
}

/* --- all of it --- */

static void set_window(struct summary *m)
{
    const struct study *y = m->s->study;
    snprintf(m->days, sizeof m->days, "day >= toDate(%" PRId32 ") AND day <= toDate(%" PRId32 ")",
             y->from_day, y->to_day);
    snprintf(m->flow_days, sizeof m->flow_days,
             "day >= toDate(toUInt16(%" PRIu64 ")) AND day <= toDate(toUInt16(%" PRIu64
             ")) AND start_ms >= %" PRIu64 " AND start_ms < %" PRIu64,
             y->from_ms / 86400000, (y->to_ms - 1) / 86400000, y->from_ms, y->to_ms);
}

static int clear(struct summary *m)
{
    int status = 0;
    for (size_t i = 0; i < SUMMARIES && status == 0; i++)
        status = run(m, "ALTER TABLE %s DROP PARTITION tuple()", summaries[i]);
    return status;
}

static int make(struct summary *m)
{
    uint64_t tcp = 0, both = 0, sampling = 0;
    int status = clear(m);
    if (status == 0)
        status = make_reach(m);
    if (status == 0)
        status = make_facts(m);
    if (status == 0)
        status = make_doubtful(m);
    if (status == 0)
        status = make_hidden(m);
    if (status == 0)
        status = make_servers(m);
    if (status == 0)
        status = make_ports(m);
    if (status == 0)
        status = make_told(m);
    if (status == 0)
        status = fact(m, "tcp", &tcp);
    if (status == 0)
        status = fact(m, "tcp_both_ways", &both);
    if (status == 0)
        status = fact(m, "sampling", &sampling);
    /* One packet in n looked at: what was not seen need not be missing. */
    if (status == 0)
        status = make_lasting(m, sampling <= 1);
    if (status == 0 && sampling <= 1)
        status = make_outward(m, (double)both < 0.05 * (double)tcp ? &outward_one_way
                                                                   : &outward_two_way);
    if (status == 0 && sampling <= 1)
        status = make_inward(m);
    return status;
}

/* What they were made of and by, and how many rows they have. */
static int mark_text(struct summary *m, char *text, size_t size)
{
    struct block *b;
    int status = engine_query(m->s->engine,
                              "SELECT count() AS n, sum(rows) AS r, sum(octets) AS o, sum(digest) "
                              "AS d FROM ledger",
                              &b, m->err);
    if (status)
        return status;
    const struct study *y = m->s->study;
    int len = snprintf(text, size, "%s %s %" PRId32 " %" PRId32, summary_version, y->timezone,
                       y->from_day, y->to_day);
    for (size_t i = 0; i < 4; i++)
        len += snprintf(text + len, size - (size_t)len, " %" PRIu64,
                        block_rows(b) ? block_u64(b, i, 0) : 0);
    block_free(b);
    /* The ledger knows no attribution: that changes with the derived tables. */
    status = engine_query(m->s->engine, "SELECT max(version) AS v FROM meta WHERE key = 'derived'",
                          &b, m->err);
    if (status)
        return status;
    len += snprintf(text + len, size - (size_t)len, " %" PRIu64,
                    block_rows(b) ? block_u64(b, 0, 0) : 0);
    block_free(b);
    for (size_t i = 0; i < SUMMARIES; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT count() AS n FROM %s", summaries[i]);
        if ((status = engine_query(m->s->engine, sql, &b, m->err)) != 0)
            return status;
        len += snprintf(text + len, size - (size_t)len, " %" PRIu64,
                        block_rows(b) ? block_u64(b, 0, 0) : 0);
        block_free(b);
    }
    return 0;
}

static int read_mark(struct summary *m, char *text, size_t size)
{
    struct block *b;
    int status = engine_query(m->s->engine,
                              "SELECT argMax(value, version) AS v FROM meta WHERE key = 'summary'",
                              &b, m->err);
    if (status)
        return status;
    struct bytes value = block_rows(b) ? block_bytes(b, 0, 0) : bytes_of("", 0);
    size_t len = value.len < size ? value.len : size - 1;
    memcpy(text, value.at, len);
    text[len] = 0;
    block_free(b);
    return 0;
}

int store_summary(struct store *s, struct error *err)
{
    enum { MARK_MAX = 512 };
    struct summary m = {.s = s, .err = err};
    char is[MARK_MAX], should_be[MARK_MAX];
    set_window(&m);
    int status = read_mark(&m, is, sizeof is);
    if (status == 0)
        status = mark_text(&m, should_be, sizeof should_be);
    if (status || strcmp(is, should_be) == 0)
        return status;
    status = make(&m);
    if (status == 0)
        status = mark_text(&m, should_be, sizeof should_be);
    return status ? status : store_set_meta(s, "summary", should_be, err);
}
