/* SPDX-License-Identifier: Apache-2.0 */
/* Who scans: outside addresses into the population, and the population's own into the outside. A
 * random walk over each source's first contacts (stats/walk.h), whatever their pace: months of one
 * probe an hour are as plain as a minute of thousands. Failures at so many ports that they are no
 * scan of anything are peers that left, or the echo of someone else's forged packets. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"
#include "attribute/geo.h"
#include "stats/special.h"
#include "stats/walk.h"

enum {
    SHOWN = 50,      /* sources a direction, and organisations */
    TARGETS_MIN = 4, /* fewer decide nothing */
    VERTICAL = 50,   /* ports of one target tried in vain */
    PORTS_SHOWN = 5,
    SLOW_A_DAY = 48, /* probes on a mean day */
    SLOW_DAYS = 7,
    PORTS = 65536,
};
static const double CHANCE = 0.01; /* of any false scanner in a study, each direction */

/* What came in unasked and could be a probe: no resets and no answers to forged packets. */
#define PROBE_IN                                                                                   \
    "role = 4 AND ((protocol IN (6, 17) AND NOT (remote_port < 1024 AND local_port >= 1024) AND "  \
    "bitAnd(tcp_flags_in, 4) = 0 AND bitAnd(tcp_flags_in, 18) != 18) OR (protocol = 1 AND "        \
    "local_port = 2048) OR (protocol = 58 AND local_port = 32768))"
/* Connections that failed, where both directions are exported: no answer, or a refusal. Without
 * flags only silence is a failure. */
#define FAILED_TWO_WAY                                                                             \
    "((tcp_flags_out = 0 AND packets_in = 0) OR (bitAnd(tcp_flags_out, 18) = 2 AND (packets_in = " \
    "0 OR bitAnd(tcp_flags_in, 6) = 4)))"
/* Where only the population's own packets are: a SYN that no ACK followed. */
#define FAILED_ONE_WAY "bitAnd(tcp_flags_out, 18) = 2"

struct direction {
    const char *name, *source, *target, *port, *roles, *failed, *answered, *evidence_sql;
    const char *evidence_filter; /* printf format of the source */
    const char *why_not;         /* NULL: it can be told */
    const char *all_filter;      /* everything looked at */
    double all_flows;
    bool outward;
};

struct scanner {
    struct ip source;
    struct walk walk;
    uint32_t port_count; /* most ports on one target */
    double score;
};

struct scan {
    struct analysis *a;
    const struct direction *d;
    double bound;
    struct scanner now; /* whose first contacts are being read */
    size_t failing, distinct;
    uint8_t seen[PORTS / 8]; /* ports of its failures, one a target */
    struct scanner top[SHOWN];
    size_t shown, scanners, scattered, by_jung, sources;
};

static const char *window_sql(struct analysis *a)
{
    return arena_format(a->arena,
                        "day >= toDate(toUInt16(%" PRIu64 ")) AND day <= toDate(toUInt16(%" PRIu64
                        ")) AND start_ms >= %" PRIu64 " AND start_ms < %" PRIu64,
                        a->study->from_ms / 86400000, (a->study->to_ms - 1) / 86400000,
                        a->study->from_ms, a->study->to_ms);
}

static void put_ip(struct ip *ip, struct bytes text)
{
    memset(ip, 0, sizeof(*ip));
    memcpy(ip->octet, text.at, text.len < IP_OCTETS ? text.len : IP_OCTETS);
}

/* --- the walks --- */

static bool stands_before(const struct scanner *x, const struct scanner *y)
{
    if (x->score != y->score)
        return x->score > y->score;
    return memcmp(&x->source, &y->source, sizeof(x->source)) < 0;
}

static void keep(struct scan *s)
{
    size_t at = s->shown < SHOWN ? s->shown++ : SHOWN - 1;
    if (at == SHOWN - 1 && s->scanners > SHOWN && !stands_before(&s->now, &s->top[at]))
        return;
    for (; at > 0 && stands_before(&s->now, &s->top[at - 1]); at--)
        s->top[at] = s->top[at - 1];
    s->top[at] = s->now;
}

static void finish_source(struct scan *s)
{
    struct scanner *x = &s->now;
    bool vertical = x->port_count >= VERTICAL;
    bool scattered = (double)s->distinct > 8 + (double)s->failing / 4;
    if (x->walk.contacts == 0)
        return;
    s->sources++;
    s->by_jung += x->walk.verdict == WALK_SCANNER;
    x->score = x->walk.peak / M_LN10;
    if (x->walk.peak >= s->bound && scattered && !vertical) {
        s->scattered++;
    } else if (x->walk.peak >= s->bound || vertical) {
        s->scanners++;
        keep(s);
    }
}

static void begin_source(struct scan *s, const struct ip *source)
{
    finish_source(s);
    memset(&s->now, 0, sizeof(s->now));
    memset(s->seen, 0, sizeof(s->seen));
    s->failing = s->distinct = 0;
    s->now.source = *source;
}

/* Rows of (source, success, ports, port), in the order of first contacts. */
static int take_contacts(void *ctx, const struct block *b)
{
    struct scan *s = ctx;
    for (size_t i = 0; i < block_rows(b); i++) {
        struct ip source;
        put_ip(&source, block_bytes(b, 0, i));
        if (s->now.walk.contacts == 0 || !ip_equal(&source, &s->now.source))
            begin_source(s, &source);
        bool success = block_u64(b, 1, i) != 0;
        uint32_t ports = (uint32_t)block_u64(b, 2, i), port = (uint32_t)block_u64(b, 3, i) % PORTS;
        walk_step(&s->now.walk, success);
        s->now.port_count = ports > s->now.port_count ? ports : s->now.port_count;
        if (success)
            continue;
        s->failing++;
        s->distinct += !(s->seen[port / 8] >> port % 8 & 1);
        s->seen[port / 8] = (uint8_t)(s->seen[port / 8] | 1u << port % 8);
    }
    return 0;
}

static int walk_all(struct scan *s, struct error *err)
{
    const struct direction *d = s->d;
    const char *window = window_sql(s->a);
    struct buf sql;
    buf_init(&sql, 1 << 20);
    buf_format(&sql,
               "SELECT source_ip, good > 0 AND (bad = 0 OR first_good <= first_bad) AS success, "
               "ports, port FROM (SELECT %s AS source_ip, %s AS target_ip, countIf(%s) AS bad, "
               "countIf(%s) AS good, minIf(start_ms, %s) AS first_bad, minIf(start_ms, %s) AS "
               "first_good, uniqExactIf(%s, %s) AS ports, minIf(%s, %s) AS port FROM flow WHERE "
               "%s AND %s AND %s IN (SELECT %s FROM flow WHERE %s AND %s AND %s GROUP BY %s HAVING "
               "uniqExact(%s) >= %d OR uniqExact(%s) >= %d) GROUP BY source_ip, target_ip HAVING "
               "bad + good > 0) ORDER BY source_ip, if(bad = 0, first_good, if(good = 0, "
               "first_bad, least(first_good, first_bad))), target_ip",
               d->source, d->target, d->failed, d->answered, d->failed, d->answered, d->port,
               d->failed, d->port, d->failed, window, d->roles, d->source, d->source, window,
               d->roles, d->failed, d->source, d->target, TARGETS_MIN, d->port, VERTICAL);
    int status = engine_query_each(s->a->engine, sql.at, take_contacts, s, err);
    finish_source(s);
    buf_done(&sql);
    return status;
}

/* At least as many as there were first contacts: pairs a day and service. */
static int count_contacts(struct scan *s, double *ret, struct error *err)
{
    struct block *b = NULL;
    int status = ask(s->a, &b, err, "SELECT count() AS n FROM contact WHERE %s AND %s",
                     s->a->window, s->d->outward ? "role = 1" : "role IN (2, 4)");
    if (status == 0)
        *ret = block_rows(b) ? block_f64(b, 0, 0) : 0;
    block_free(b);
    return status;
}

/* --- the rows --- */

static void sources_sql(const struct scan *s, struct buf *sql)
{
    for (size_t i = 0; i < s->shown; i++) {
        buf_format(sql, "%s%s = unhex('", i ? " OR " : "", s->d->source);
        for (int k = 0; k < IP_OCTETS; k++)
            buf_format(sql, "%02x", s->top[i].source.octet[k]);
        buf_text(sql, "')");
    }
}

/* "source, all, failed, ports, targets, days, first, last, country, asn". */
static int ask_details(struct scan *s, struct block **details, struct block **ports,
                       struct error *err)
{
    const struct direction *d = s->d;
    const char *window = window_sql(s->a);
    struct buf sql;
    buf_init(&sql, 1 << 20);
    buf_format(&sql,
               "SELECT %s AS source_ip, count() AS n, countIf(%s) AS bad, uniqExactIf(%s, %s) AS "
               "ports, uniqExactIf(%s, %s) AS targets, uniqExactIf(day, %s) AS days, "
               "minIf(start_ms, %s) AS f, maxIf(start_ms, %s) AS l, toUInt32(max(country)) AS c, "
               "max(asn) AS net FROM flow WHERE %s AND %s AND (",
               d->source, d->failed, d->port, d->failed, d->target, d->failed, d->failed, d->failed,
               d->failed, window, d->evidence_sql);
    sources_sql(s, &sql);
    buf_text(&sql, ") GROUP BY source_ip ORDER BY source_ip");
    int status = engine_query(s->a->engine, sql.at, details, err);
    buf_done(&sql);
    if (status < 0)
        return status;
    buf_init(&sql, 1 << 20);
    buf_format(&sql,
               "SELECT %s AS source_ip, toUInt32(%s) AS p, uniqExact(%s) AS t FROM flow WHERE %s "
               "AND %s AND %s AND (",
               d->source, d->port, d->target, window, d->evidence_sql, d->failed);
    sources_sql(s, &sql);
    buf_format(&sql, ") GROUP BY source_ip, p ORDER BY source_ip, t DESC, p LIMIT %d BY source_ip",
               PORTS_SHOWN);
    status = engine_query(s->a->engine, sql.at, ports, err);
    buf_done(&sql);
    return status;
}

static json_t *ports_json(const struct block *b, const struct ip *source)
{
    json_t *list = json_array();
    for (size_t i = 0; i < block_rows(b); i++) {
        struct ip ip;
        put_ip(&ip, block_bytes(b, 0, i));
        if (ip_equal(&ip, source))
            json_array_append_new(list, json_integer((json_int_t)block_u64(b, 1, i)));
    }
    return list;
}

static json_t *scanner_json(struct scan *s, const struct scanner *x, const struct block *details,
                            size_t row, const struct block *ports)
{
    const struct direction *d = s->d;
    char text[IP_TEXT_MAX + 1], code[3];
    text[ip_print(&x->source, text)] = 0;
    country_text((unsigned)block_u64(details, 8, row), code);
    double bad = block_f64(details, 2, row), days = block_f64(details, 5, row);
    uint64_t first = block_u64(details, 6, row), last = block_u64(details, 7, row);
    bool wide = x->walk.peak >= s->bound, tall = x->port_count >= VERTICAL;
    bool slow = (double)(last - first) >= SLOW_DAYS * 86400e3 &&
                bad / ((double)(last - first) / 86400e3) <= SLOW_A_DAY;
    json_t *j = json_pack(
        "{s:s, s:s, s:o, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:I, s:s, s:s, s:b, s:o, s:o}",
        "direction", d->name, d->outward ? "local" : "remote", text, "flows", count_json(bad),
        "targets", (json_int_t)block_u64(details, 4, row), "answered",
        (json_int_t)(x->walk.contacts - x->walk.failures), "ports_tried",
        (json_int_t)block_u64(details, 3, row), "ports", ports_json(ports, &x->source),
        "ports_of_one_target", (json_int_t)x->port_count, "first", time_json(first), "last",
        time_json(last), "days", (json_int_t)days, "method", wide ? "walk" : "ports", "shape",
        wide && tall ? "both"
        : wide       ? "horizontal"
                     : "vertical",
        "slow", (int)slow, "score", number_json(x->score), "evidence",
        evidence_json(s->a, arena_format(s->a->arena, d->evidence_filter, text),
                      block_f64(details, 1, row)));
    if (!d->outward) {
        json_object_set_new(j, "country", json_string(code));
        json_object_set_new(j, "asn", json_integer((json_int_t)block_u64(details, 9, row)));
    }
    return j;
}

static int add_rows(struct scan *s, json_t *list, struct error *err)
{
    struct block *details = NULL, *ports = NULL;
    if (s->shown == 0)
        return 0;
    int status = ask_details(s, &details, &ports, err);
    for (size_t i = 0; status == 0 && i < s->shown; i++)
        for (size_t row = 0; row < block_rows(details); row++) {
            struct ip ip;
            put_ip(&ip, block_bytes(details, 0, row));
            if (ip_equal(&ip, &s->top[i].source))
                json_array_append_new(list, scanner_json(s, &s->top[i], details, row, ports));
        }
    block_free(details);
    block_free(ports);
    return status;
}

/* Clopper and Pearson; nothing of n: at most 1 - 0.05^(1/n). */
static struct estimate part_of(double k, double n)
{
    double tail = (1 - LEVEL) / 2;
    struct estimate e = {.value = n > 0 ? k / n : 0, .high = 1, .level = LEVEL};
    if (n <= 0)
        return e;
    e.low = k > 0 ? beta_quantile(tail, k, n - k + 1) : 0;
    e.high = k <= 0 ? 1 - pow(1 - LEVEL, 1 / n) : k < n ? beta_quantile(1 - tail, k + 1, n - k) : 1;
    return e;
}

static int direction_json(struct analysis *a, const struct direction *d, json_t *list, json_t **ret,
                          struct error *err)
{
    double contacts = 0;
    if (d->why_not) {
        *ret = unsupported(d->why_not);
        return 0;
    }
    struct scan *s = arena_alloc(a->arena, sizeof(*s));
    s->a = a;
    s->d = d;
    int status = count_contacts(s, &contacts, err);
    s->bound = walk_peak_bound(contacts, CHANCE);
    if (status == 0)
        status = walk_all(s, err);
    if (status == 0)
        status = add_rows(s, list, err);
    if (status < 0)
        return status;
    const json_t *totals = json_object_get(a->model, "totals");
    double hosts = json_number_value(json_object_get(totals, "local_hosts"));
    *ret = json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "scanners", (json_int_t)s->scanners,
                     "scattered", (json_int_t)s->scattered, "with_failures", (json_int_t)s->sources,
                     "over_the_papers_threshold", (json_int_t)s->by_jung, "score_needed",
                     number_json(s->bound / M_LN10), "least_targets",
                     count_json(walk_failures(s->bound)), "evidence",
                     evidence_json(a, d->all_filter, d->all_flows));
    if (d->outward) {
        struct estimate share = part_of(fmin((double)s->scanners, hosts), hosts);
        json_object_set_new(*ret, "local_hosts", count_json(hosts));
        json_object_set_new(*ret, "share", estimate_json(&share));
    }
    return 0;
}

/* --- sensitive organisations --- */

static const struct {
    unsigned owner;
    const char *filter;
} kinds[] = {
    {OWNER_LABORATORY, "laboratory"},
    {OWNER_GOVERNMENT, "government"},
    {OWNER_MILITARY, "military"},
    {OWNER_BANK, "bank"},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const char *organisation(struct analysis *a, struct geo *geo, uint32_t asn,
                                struct bytes remote)
{
    char text[128] = "";
    struct ip ip;
    put_ip(&ip, remote);
    if (geo)
        geo_as_name(geo, asn, &ip, text, sizeof(text));
    json_t *valid = json_string(text); /* NULL where a database's text is not UTF-8 */
    bool usable = text[0] && valid;
    json_decref(valid);
    if (usable)
        return arena_text(a->arena, text, strlen(text));
    return asn ? arena_format(a->arena, "AS%u", asn) : "network without a number";
}

static bool is_own(const struct analysis *a, const char *code)
{
    const json_t *countries = json_object_get(json_object_get(a->model, "presence"), "countries");
    for (size_t i = 0; i < json_array_size(countries); i++) {
        const json_t *c = json_array_get(countries, i);
        const char *own = json_string_value(json_object_get(c, "country"));
        if (own && strcmp(own, code) == 0)
            return json_is_true(json_object_get(c, "own"));
    }
    return false;
}

static json_t *sensitive_json(struct analysis *a, struct geo *geo, const struct block *b,
                              size_t row, double hosts)
{
    unsigned owner = (unsigned)block_u64(b, 0, row);
    char code[3];
    country_text((unsigned)block_u64(b, 1, row), code);
    uint32_t asn = (uint32_t)block_u64(b, 2, row);
    double flows = block_f64(b, 3, row), met = block_f64(b, 4, row);
    const char *filter =
        arena_format(a->arena, "country %s and asn %u and owner %s and " USAGE_FILTER,
                     code[0] ? code : "unknown", asn, owner_text(owner));
    return json_pack("{s:s, s:s, s:s, s:I, s:b, s:o, s:o, s:I, s:I, s:o, s:o}", "organisation",
                     organisation(a, geo, asn, block_bytes(b, 6, row)), "kind", owner_text(owner),
                     "country", code, "asn", (json_int_t)asn, "own", (int)is_own(a, code), "flows",
                     count_json(flows), "local_hosts", count_json(met), "addresses",
                     (json_int_t)block_u64(b, 7, row), "days", (json_int_t)block_u64(b, 5, row),
                     "score", number_json(hosts > 0 ? fmax(0, -log2(met / hosts)) : 0), "evidence",
                     evidence_json(a, filter, flows));
}

/* Kinds of owner: how many conversations, of how many whose owner is known at all. */
static int sensitive_kinds(struct analysis *a, json_t **ret, struct error *err)
{
    struct counts c;
    int status = counts_ask(a, &c, err,
                            "SELECT toUInt32(owner) AS k, sum(flows) AS n, uniqExact(local) AS l "
                            "FROM contact WHERE %s AND " USAGE " GROUP BY k ORDER BY k",
                            a->window);
    if (status < 0)
        return status;
    double known = 0;
    for (size_t i = 0; i < c.rows; i++)
        known += c.keys[i] != OWNER_UNKNOWN ? (double)c.a[i] : 0;
    json_t *list = json_array();
    for (int i = 0; i < KINDS; i++) {
        double flows = (double)counts_get(c.a, &c, kinds[i].owner);
        const char *filter = arena_format(a->arena, "owner %s and " USAGE_FILTER, kinds[i].filter);
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:I, s:o}", "kind", owner_text(kinds[i].owner),
                                        "flows", count_json(flows), "local_hosts",
                                        (json_int_t)counts_get(c.b, &c, kinds[i].owner), "evidence",
                                        evidence_json(a, filter, flows)));
    }
    *ret = json_pack("{s:o, s:o, s:o}", "kinds", list, "owner_known", count_json(known),
                     "owner_known_share",
                     number_json(a->usage_total.flows > 0 ? known / a->usage_total.flows : 0));
    return 0;
}

static int sensitive(struct analysis *a, json_t *recon, struct error *err)
{
    struct block *b = NULL;
    struct geo *geo = NULL;
    json_t *list = json_array(), *all = NULL;
    double hosts =
        json_number_value(json_object_get(json_object_get(a->model, "totals"), "local_hosts"));
    int status = sensitive_kinds(a, &all, err);
    if (status == 0)
        status =
            ask(a, &b, err,
                "SELECT toUInt32(owner) AS k, toUInt32(country) AS c, asn AS s, sum(flows) AS "
                "n, uniqExact(local) AS l, uniqExact(day) AS d, min(remote) AS r, "
                "uniqExact(remote) AS m FROM contact WHERE %s AND " USAGE
                " AND owner IN (%d, %d, %d, %d) GROUP BY k, c, s ORDER BY n DESC, k, c, s "
                "LIMIT %d",
                a->window, OWNER_LABORATORY, OWNER_GOVERNMENT, OWNER_MILITARY, OWNER_BANK, SHOWN);
    if (status == 0) {
        if (geo_open(a->study->geo_country_mmdb, a->study->geo_asn_mmdb, &geo, NULL) < 0)
            geo = NULL;
        for (size_t i = 0; i < block_rows(b); i++)
            json_array_append_new(list, sensitive_json(a, geo, b, i, hosts));
        geo_free(geo);
        if (json_integer_value(json_object_get(all, "owner_known")) == 0) {
            json_decref(list);
            list = unsupported("No address that was met belongs to an organisation whose kind is "
                               "known, so sensitive ones cannot be told.");
        }
    }
    block_free(b);
    if (status < 0) {
        json_decref(list);
        json_decref(all);
        return status;
    }
    json_object_set_new(recon, "sensitive", list);
    json_object_set_new(recon, "sensitive_all", all);
    return 0;
}

/* --- the section --- */

/* Both directions exported? Flags? One packet in n? */
static int look(struct analysis *a, struct direction *in, struct direction *out, struct error *err)
{
    struct block *b = NULL;
    int status = ask(a, &b, err,
                     "SELECT count() AS n, countIf(packets_in > 0) AS two, countIf(tcp_flags_out > "
                     "0) AS f FROM flow WHERE %s AND role = 1 AND protocol = 6",
                     window_sql(a));
    if (status < 0)
        return status;
    double n = block_f64(b, 0, 0), two = block_f64(b, 1, 0), flags = block_f64(b, 2, 0);
    block_free(b);
    status = ask(a, &b, err, "SELECT max(sampling) AS m FROM flow WHERE %s", window_sql(a));
    if (status < 0)
        return status;
    if (block_u64(b, 0, 0) > 1)
        in->why_not = out->why_not = "Only one in many packets was looked at: an answer that was "
                                     "not seen need not be missing, so scans cannot be told.";
    else if (n > 0 && two < 0.05 * n && flags < 0.95 * n)
        out->why_not = "Only one direction was exported, mostly without TCP flags: whether the "
                       "population's connections succeeded is not known.";
    block_free(b);
    out->all_flows = n;
    if (two < 0.05 * n) {
        out->failed = FAILED_ONE_WAY;
        out->answered = "bitAnd(tcp_flags_out, 16) = 16";
    }
    return 0;
}

int recon_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct direction in = {
        .name = "inward",
        .source = "remote",
        .target = "local",
        .port = "local_port",
        .roles = "role IN (2, 4)",
        .failed = "(" PROBE_IN ")",
        .answered = "role = 2",
        .evidence_sql = "role = 4",
        .all_filter = "role unanswered",
        .all_flows = a->role_total[ROLE_UNANSWERED].flows,
        .evidence_filter = "remote host %s and role unanswered",
    };
    struct direction out = {
        .name = "outward",
        .source = "local",
        .target = "remote",
        .port = "remote_port",
        .roles = "role = 1 AND protocol = 6",
        .failed = FAILED_TWO_WAY,
        .answered = "(packets_in > 0 AND NOT " FAILED_TWO_WAY ")",
        .evidence_sql = "role = 1 AND protocol = 6",
        .all_filter = "proto tcp and role consumed",
        .evidence_filter = "local host %s and proto tcp and role consumed",
        .outward = true,
    };
    json_t *recon = json_object(), *list = json_array(), *part[2] = {NULL, NULL};
    int status = look(a, &in, &out, err);
    if (status == 0)
        status = direction_json(a, &out, list, &part[0], err);
    if (status == 0)
        status = direction_json(a, &in, list, &part[1], err);
    if (in.why_not && out.why_not) {
        json_decref(list);
        list = unsupported(in.why_not);
    }
    json_object_set_new(recon, "scanners", list);
    if (status == 0)
        status = sensitive(a, recon, err);
    json_object_set_new(recon, "outward", part[0] ? part[0] : json_null());
    json_object_set_new(recon, "inward", part[1] ? part[1] : json_null());
    if (status < 0) {
        json_decref(recon);
        return status;
    }
    *ret = recon;
    return 0;
}
