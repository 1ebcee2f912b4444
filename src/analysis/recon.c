/* SPDX-License-Identifier: Apache-2.0 */
/* Who scans: outside addresses into the population, and the population's own into the outside. A
 * random walk over each source's first contacts (stats/walk.h), whatever their pace: months of one
 * probe an hour are as plain as a minute of thousands. Failures at so many ports that they are no
 * scan of anything are peers that left, or the echo of someone else's forged packets. First
 * contacts come from the store's summaries, in their order and one octet each. */
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
    VERTICAL = 50,   /* ports of one target tried in vain */
    SLOW_A_DAY = 48, /* probes on a mean day */
    SLOW_DAYS = 7,
};
static const double CHANCE = 0.01; /* of any false scanner in a study, each direction */

struct direction {
    const char *name;
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
    double flows, score;
};

/* What the store's summaries have of one source (docs/store.md). */
struct attempts {
    struct ip source;
    uint64_t first_ms, last_ms;
    double failed;
    uint32_t targets, ports, ports_of_one, days, country, asn;
};

struct scan {
    struct analysis *a;
    const struct direction *d;
    double bound;
    struct attempts *tried; /* ascending by source */
    size_t tried_count;
    struct scanner top[SHOWN];
    size_t shown, scanners, scattered, by_jung, sources;
};

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

static void keep(struct scan *s, const struct scanner *x)
{
    size_t at = s->shown < SHOWN ? s->shown++ : SHOWN - 1;
    if (at == SHOWN - 1 && s->scanners > SHOWN && !stands_before(x, &s->top[at]))
        return;
    for (; at > 0 && stands_before(x, &s->top[at - 1]); at--)
        s->top[at] = s->top[at - 1];
    s->top[at] = *x;
}

static void judge(struct scan *s, struct scanner *x, size_t ports_in_vain)
{
    bool vertical = x->port_count >= VERTICAL;
    bool scattered = (double)ports_in_vain > 8 + (double)x->walk.failures / 4;
    if (x->walk.contacts == 0)
        return;
    s->sources++;
    s->by_jung += x->walk.verdict == WALK_SCANNER;
    x->score = x->walk.peak / M_LN10;
    if (x->walk.peak >= s->bound && scattered && !vertical) {
        s->scattered++;
    } else if (x->walk.peak >= s->bound || vertical) {
        s->scanners++;
        keep(s, x);
    }
}

static int by_source(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ip)); /* the first field of either */
}

static const struct attempts *attempts_of(const struct scan *s, const struct ip *source)
{
    static const struct attempts none;
    const struct attempts *x =
        bsearch(source, s->tried, s->tried_count, sizeof(*s->tried), by_source);
    return x ? x : &none;
}

static int load_attempts(struct scan *s, struct error *err)
{
    struct block *b = NULL;
    int status = ask(s->a, &b, err,
                     "SELECT source, failed, targets, ports, ports_of_one, days, first_ms, "
                     "last_ms, toUInt32(country) AS c, asn FROM scan WHERE inward = %d ORDER BY "
                     "source",
                     !s->d->outward);
    if (status < 0)
        return status;
    s->tried_count = block_rows(b);
    s->tried = arena_array(s->a->arena, s->tried_count + 1, sizeof(*s->tried));
    for (size_t i = 0; i < s->tried_count; i++) {
        struct attempts *x = &s->tried[i];
        put_ip(&x->source, block_bytes(b, 0, i));
        x->failed = block_f64(b, 1, i);
        x->targets = (uint32_t)block_u64(b, 2, i);
        x->ports = (uint32_t)block_u64(b, 3, i);
        x->ports_of_one = (uint32_t)block_u64(b, 4, i);
        x->days = (uint32_t)block_u64(b, 5, i);
        x->first_ms = block_u64(b, 6, i);
        x->last_ms = block_u64(b, 7, i);
        x->country = (uint32_t)block_u64(b, 8, i);
        x->asn = (uint32_t)block_u64(b, 9, i);
    }
    block_free(b);
    return 0;
}

/* Rows of (source, flows, ports in vain, successes of its first contacts in their order). */
static int take_walks(void *ctx, const struct block *b)
{
    struct scan *s = ctx;
    for (size_t i = 0; i < block_rows(b); i++) {
        struct scanner x = {.flows = block_f64(b, 1, i)};
        put_ip(&x.source, block_bytes(b, 0, i));
        x.port_count = attempts_of(s, &x.source)->ports_of_one;
        for (size_t k = 0; k < block_array_len(b, 3, i); k++)
            walk_step(&x.walk, block_array_u64(b, 3, i, k) != 0);
        judge(s, &x, (size_t)block_u64(b, 2, i));
    }
    return 0;
}

static int walk_all(struct scan *s, struct error *err)
{
    const char *sql = arena_format(s->a->arena,
                                   "SELECT source, flows, ports_in_vain, walk FROM scan_walk WHERE "
                                   "inward = %d ORDER BY source",
                                   !s->d->outward);
    int status = load_attempts(s, err);
    return status ? status : engine_query_each(s->a->engine, sql, take_walks, s, err);
}

/* At least as many as there were first contacts: pairs a day and service. */
static int count_contacts(struct scan *s, double *ret, struct error *err)
{
    struct block *b = NULL;
    int status = ask(s->a, &b, err, "SELECT sum(value) AS n FROM fact WHERE name IN (%s)",
                     s->d->outward ? "'pairs.1'" : "'pairs.2', 'pairs.4'");
    if (status == 0)
        *ret = block_rows(b) ? block_f64(b, 0, 0) : 0;
    block_free(b);
    return status;
}

/* --- the rows --- */

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

static json_t *scanner_json(struct scan *s, const struct scanner *x, const struct block *ports)
{
    const struct direction *d = s->d;
    const struct attempts *t = attempts_of(s, &x->source);
    char text[IP_TEXT_MAX + 1], code[3];
    text[ip_print(&x->source, text)] = 0;
    country_text(t->country, code);
    bool wide = x->walk.peak >= s->bound, tall = x->port_count >= VERTICAL;
    double length_days = (double)(t->last_ms - t->first_ms) / 86400e3;
    bool slow = length_days >= SLOW_DAYS && t->failed / length_days <= SLOW_A_DAY;
    const char *filter = arena_format(s->a->arena, d->evidence_filter, text);
    json_t *j = json_pack(
        "{s:s, s:s, s:o, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:I, s:s, s:s, s:b, s:o, s:o}",
        "direction", d->name, d->outward ? "local" : "remote", text, "flows", count_json(t->failed),
        "targets", (json_int_t)t->targets, "answered",
        (json_int_t)(x->walk.contacts - x->walk.failures), "ports_tried", (json_int_t)t->ports,
        "ports", ports_json(ports, &x->source), "ports_of_one_target", (json_int_t)x->port_count,
        "first", time_json(t->first_ms), "last", time_json(t->last_ms), "days", (json_int_t)t->days,
        "method", wide ? "walk" : "ports", "shape",
        wide && tall ? "both"
        : wide       ? "horizontal"
                     : "vertical",
        "slow", (int)slow, "score", number_json(x->score), "evidence",
        evidence_json(s->a, filter, x->flows));
    if (!d->outward) {
        json_object_set_new(j, "country", json_string(code));
        json_object_set_new(j, "asn", json_integer((json_int_t)t->asn));
    }
    return j;
}

static int add_rows(struct scan *s, json_t *list, struct error *err)
{
    struct block *ports = NULL;
    struct buf sql;
    if (s->shown == 0)
        return 0;
    buf_init(&sql, 1 << 16);
    for (size_t i = 0; i < s->shown; i++) {
        buf_format(&sql, "%ssource = unhex('", i ? " OR " : "");
        for (int k = 0; k < IP_OCTETS; k++)
            buf_format(&sql, "%02x", s->top[i].source.octet[k]);
        buf_text(&sql, "')");
    }
    const char *question = arena_format(
        s->a->arena,
        "SELECT source, toUInt32(port) AS p, targets FROM scan_port WHERE inward = %d AND (%s) "
        "ORDER BY source, targets DESC, p",
        !s->d->outward, sql.at);
    buf_done(&sql);
    int status = engine_query(s->a->engine, question, &ports, err);
    for (size_t i = 0; status == 0 && i < s->shown; i++)
        json_array_append_new(list, scanner_json(s, &s->top[i], ports));
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
                            "FROM reach WHERE " USAGE " GROUP BY k ORDER BY k");
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
                "SELECT toUInt32(owner) AS k, toUInt32(country) AS c, asn AS s, flows AS n, "
                "local_hosts AS l, days AS d, remote AS r, remote_hosts AS m FROM met WHERE owner "
                "IN (%d, %d, %d, %d) ORDER BY n DESC, k, c, s LIMIT %d",
                OWNER_LABORATORY, OWNER_GOVERNMENT, OWNER_MILITARY, OWNER_BANK, SHOWN);
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

static int facts(struct analysis *a, double ret[4], struct error *err)
{
    static const char *const names[4] = {"tcp", "tcp_both_ways", "tcp_flags", "sampling"};
    for (int i = 0; i < 4; i++) {
        int status = fact_ask(a, names[i], &ret[i], err);
        if (status < 0)
            return status;
    }
    return 0;
}

/* Both directions exported? Flags? One packet in n? */
static int look(struct analysis *a, struct direction *in, struct direction *out, struct error *err)
{
    double told[4];
    int status = facts(a, told, err);
    if (status < 0)
        return status;
    double n = told[0], two = told[1], flags = told[2], sampling = told[3];
    if (sampling > 1)
        in->why_not = out->why_not = "Only one in many packets was looked at: an answer that was "
                                     "not seen need not be missing, so scans cannot be told.";
    else if (n > 0 && two < 0.05 * n && flags < 0.95 * n)
        out->why_not = "Only one direction was exported, mostly without TCP flags: whether the "
                       "population's connections succeeded is not known.";
    out->all_flows = n;
    return 0;
}

int recon_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct direction in = {
        .name = "inward",
        .all_filter = "role unanswered",
        .all_flows = a->role_total[ROLE_UNANSWERED].flows,
        .evidence_filter = "remote host %s and role unanswered",
    };
    struct direction out = {
        .name = "outward",
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
