/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the use goes through means that hide where it goes. A conversation is counted for
 * what it was attributed to, so each row's filter in the flow language is the definition itself.
 * What could hide as much but cannot be told from ordinary use stands apart, as a bound. */
#include "analysis/concealment.h"
#include "analysis/pivots.h"

#include <stdlib.h>
#include <string.h>

#include "attribute/dated.h"
#include "attribute/geo.h"
#include "base/zone.h"

enum {
    NETWORKS_A_ROW = 5,
    MONTHS_MIN = 3,   /* of a subscription: successive calendar months, */
    DAYS_A_MONTH = 2, /* each with use on this many days */
};

static const char *const definition_is[] = {
    [CONCEALMENT_2017] =
        "As the 2017 study: Tor and networks like it, VPN protocols, VPN providers and proxies. "
        "TLS by itself is not counted, nor are visits to such products' web sites.",
    [CONCEALMENT_2018_WITH_TLS] =
        "As the sequel of 2018: Tor and networks like it, VPN protocols, VPN providers, proxies, "
        "and everything over TLS (port 443, or TLS in the payload). Not comparable with the "
        "definition of 2017.",
};

/* Conversations of the definition, in table contact; %u: codes of the categories. */
#define COUNTED "(category = %u OR category = %u OR (owner = 3 AND category = 0 AND service = 0))"
#define HIDING_FILTER                                                                              \
    "category tor or category vpn or (owner \"vpn provider\" and service unknown and category "    \
    "unknown)"
#define TLS_FILTER "remote port 443 or application tls"
static const char *const whole_filter[] = {
    [CONCEALMENT_2017] = "(" HIDING_FILTER ") and " USAGE_FILTER,
    [CONCEALMENT_2018_WITH_TLS] = "(" HIDING_FILTER " or " TLS_FILTER ") and " USAGE_FILTER,
};
static const char tls_filter[] = "(" TLS_FILTER ") and not (" HIDING_FILTER ") and " USAGE_FILTER;
#define KEY "(toUInt32(category) * 65536 + toUInt32(service))"

struct row {
    uint32_t key; /* category and service; 0: addresses of VPN providers */
    size_t at;    /* row of the table */
    const char *technique, *provider, *filter;
    double value;
};

struct concealment {
    uint32_t tor, vpn; /* codes of the categories */
    struct table table;
    struct counts hosts;
    struct amounts *all; /* by day */
    struct amounts *tls; /* by day; only where the definition counts it */
    struct block *basis, *networks;
    struct geo *geo;
    struct dated *lists; /* the study's */
    struct row *rows;
};

uint32_t concealment_code(const struct analysis *a, enum symbol_kind kind, const char *id)
{
    uint32_t code = symbols_find(a->symbols, kind, id, strlen(id));
    return code ? code : NO_CODE;
}

struct ip ip_of(struct bytes b)
{
    struct ip ip = {{0}};
    memcpy(ip.octet, b.at, b.len < IP_OCTETS ? b.len : IP_OCTETS);
    return ip;
}

/* --- what is counted --- */

static const char *const protocols[] = {"openvpn", "wireguard", "ipsec",        "pptp",
                                        "l2tp",    "softether", "vpn-protocols"};
enum { PROTOCOLS = sizeof(protocols) / sizeof(protocols[0]) };

/* A list of the study says what it is of, where the catalogue does not know the service. */
static const char *technique_listed(const struct concealment *c, const char *id)
{
    const struct dated_list *lists;
    size_t count = dated_lists(c->lists, &lists);
    for (size_t i = 0; i < count; i++)
        if (lists[i].kind == LIST_PROXY && strcmp(lists[i].slug, id) == 0)
            return "proxy";
    return "vpn-provider";
}

static const char *technique_of(const struct concealment *c, const char *id, bool is_tor)
{
    if (is_tor)
        return strcmp(id, "i2p") == 0 ? "other-network" : "tor";
    if (strcmp(id, "socks-proxy") == 0)
        return "proxy";
    if (strcmp(id, "obfuscated-proxy") == 0)
        return "obfuscated";
    for (size_t i = 0; i < PROTOCOLS; i++)
        if (strcmp(id, protocols[i]) == 0)
            return "vpn-protocol";
    return technique_listed(c, id);
}

/* A provider that only a list of the study knows is called by the list's label. */
static const char *service_name(const struct analysis *a, const struct concealment *c,
                                const char *id)
{
    const struct catalogue *catalogue = a->in->catalogue;
    const struct dated_list *lists;
    int at = catalogue ? catalogue_find(catalogue, id, strlen(id)) : -1;
    if (at >= 0)
        return catalogue_service_name(catalogue, (size_t)at);
    size_t count = dated_lists(c->lists, &lists);
    for (size_t i = 0; i < count; i++)
        if (strcmp(lists[i].slug, id) == 0)
            return arena_text(a->arena, lists[i].label, strlen(lists[i].label));
    return id;
}

static struct row row_of(struct analysis *a, const struct concealment *c, uint32_t key, size_t at)
{
    uint32_t service = key & 0xffff, category = key >> 16;
    struct row r = {.key = key, .at = at};
    if (at != SIZE_MAX)
        r.value = amount_of(&c->table.sums[at], a->measure);
    if (key == 0) {
        r.technique = "vpn-provider";
        r.provider = "Addresses of VPN providers";
        r.filter =
            "owner \"vpn provider\" and service unknown and category unknown and " USAGE_FILTER;
        return r;
    }
    const char *id = symbols_text(a->symbols, SYMBOL_SERVICE, service);
    const char *in = symbols_text(a->symbols, SYMBOL_CATEGORY, category);
    r.technique = service              ? technique_of(c, id, category == c->tor)
                  : category == c->tor ? "tor"
                                       : "vpn-provider";
    r.provider = service ? service_name(a, c, id) : "One of several";
    r.filter = arena_format(a->arena, "service %s and category %s and " USAGE_FILTER,
                            service ? filter_word(a, id) : "unknown", filter_word(a, in));
    return r;
}

static int by_value(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    int order = strcmp(x->technique, y->technique);
    return order ? order : strcmp(x->filter, y->filter);
}

static int load(struct analysis *a, struct concealment *c, struct error *err)
{
    c->tor = concealment_code(a, SYMBOL_CATEGORY, "tor");
    c->vpn = concealment_code(a, SYMBOL_CATEGORY, "vpn");
    const char *counted = arena_format(a->arena, COUNTED, c->tor, c->vpn);
    int status = day_table_ask(a, "owner_day", KEY, counted, &c->table, err);
    if (status == 0)
        status = counts_ask(a, &c->hosts, err,
                            "SELECT toUInt32(" KEY ") AS k, uniqExact(local) AS l FROM reach "
                            "WHERE " USAGE " AND %s GROUP BY k ORDER BY k",
                            counted);
    if (status == 0)
        status = ask(a, &c->basis, err,
                     "SELECT toUInt32(" KEY ") AS k, basis AS b, sum(flows) AS n FROM activity "
                     "WHERE %s AND " USAGE " AND (category = %u OR category = %u) "
                     "GROUP BY k, b ORDER BY k, b",
                     a->window, c->tor, c->vpn);
    if (status == 0)
        status = ask(a, &c->networks, err,
                     "SELECT toUInt32(" KEY ") AS k, asn AS s, sum(flows) AS n, uniqExact(remote) "
                     "AS r, min(remote) AS one FROM hidden WHERE %s GROUP BY k, s "
                     "ORDER BY k, n DESC, s",
                     counted);
    if (status < 0)
        return status;
    c->all = arena_array(a->arena, a->days + 1, sizeof(*c->all));
    c->rows = arena_array(a->arena, c->table.rows + 1, sizeof(*c->rows));
    for (size_t r = 0; r < c->table.rows; r++) {
        c->rows[r] = row_of(a, c, c->table.keys[r], r);
        for (size_t d = 0; d < a->days; d++)
            amounts_add(&c->all[d], &c->table.cells[r * a->days + d]);
    }
    qsort(c->rows, c->table.rows, sizeof(*c->rows), by_value);
    return 0;
}

/* Evidence tiers of a row's conversations; addresses of VPN providers have none. */
static json_t *basis_json(const struct concealment *c, uint32_t key)
{
    double flows[BASIS_PORT + 1] = {0};
    for (size_t i = 0; i < block_rows(c->basis); i++)
        if (block_u64(c->basis, 0, i) == key && block_u64(c->basis, 1, i) <= BASIS_PORT)
            flows[block_u64(c->basis, 1, i)] += block_f64(c->basis, 2, i);
    json_t *j = json_object();
    for (unsigned b = BASIS_NAME; b <= BASIS_PORT; b++)
        json_object_set_new(j, basis_text(b), count_json(flows[b]));
    return j;
}

static const char *network_name(struct analysis *a, struct geo *geo, uint32_t asn, struct ip ip)
{
    char text[128] = "";
    if (geo && asn)
        geo_as_name(geo, asn, &ip, text, sizeof(text));
    json_t *valid = json_string(text); /* NULL where a database's text is not UTF-8 */
    bool usable = valid && text[0];
    json_decref(valid);
    return usable ? arena_text(a->arena, text, strlen(text))
           : asn  ? arena_format(a->arena, "AS%u", asn)
                  : "unknown";
}

/* The largest few, and how many there are. */
static void add_networks(struct analysis *a, const struct concealment *c, uint32_t key, json_t *j)
{
    json_t *list = json_array();
    json_int_t count = 0;
    for (size_t i = 0; i < block_rows(c->networks); i++) {
        if (block_u64(c->networks, 0, i) != key || count++ >= NETWORKS_A_ROW)
            continue;
        uint32_t asn = (uint32_t)block_u64(c->networks, 1, i);
        json_array_append_new(
            list, json_pack("{s:I, s:s, s:o, s:I}", "asn", (json_int_t)asn, "name",
                            network_name(a, c->geo, asn, ip_of(block_bytes(c->networks, 4, i))),
                            "flows", count_json(block_f64(c->networks, 2, i)), "remote_hosts",
                            (json_int_t)block_u64(c->networks, 3, i)));
    }
    json_object_set_new(j, "networks", list);
    json_object_set_new(j, "networks_in_all", json_integer(count));
}

static json_t *row_json(struct analysis *a, const struct concealment *c, const struct row *r)
{
    const struct amounts *cells = c->table.cells + r->at * a->days, *sum = &c->table.sums[r->at];
    struct estimate share = share_of_days(a, cells, a->usage, a->measure);
    struct estimate octets = share_of_days(a, cells, a->usage, MEASURE_OCTETS);
    json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:i, s:o, s:o}", "technique",
                          r->technique, "provider", r->provider, "flows", count_json(sum->flows),
                          "octets", count_json(sum->octets), "packets", count_json(sum->packets),
                          "local_hosts", (json_int_t)counts_get(c->hosts.a, &c->hosts, r->key),
                          "days", (int)days_with(cells, a->days), "share", estimate_json(&share),
                          "octets_share", estimate_json(&octets));
    if (r->key)
        json_object_set_new(j, "basis", basis_json(c, r->key));
    add_networks(a, c, r->key, j);
    json_object_set_new(j, "evidence", evidence_json(a, r->filter, sum->flows));
    return j;
}

static int load_tls(struct analysis *a, struct concealment *c, struct error *err)
{
    if (a->study->concealment != CONCEALMENT_2018_WITH_TLS)
        return 0;
    c->tls = arena_array(a->arena, a->days + 1, sizeof(*c->tls));
    int status = concealment_by_filter(a, tls_filter, c->tls, err);
    for (size_t d = 0; d < a->days; d++)
        amounts_add(&c->all[d], &c->tls[d]);
    return status;
}

static int add_tls(struct analysis *a, const struct concealment *c, json_t *techniques,
                   struct error *err)
{
    double hosts = 0;
    struct amounts sum = {0};
    if (!c->tls)
        return 0;
    for (size_t d = 0; d < a->days; d++)
        amounts_add(&sum, &c->tls[d]);
    struct estimate share = share_of_days(a, c->tls, a->usage, a->measure);
    struct estimate octets = share_of_days(a, c->tls, a->usage, MEASURE_OCTETS);
    int status = concealment_hosts(a, tls_filter, &hosts, err);
    json_array_append_new(
        techniques,
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:i, s:o, s:o, s:o}", "technique", "tls",
                  "provider", "TLS", "flows", count_json(sum.flows), "octets",
                  count_json(sum.octets), "packets", count_json(sum.packets), "local_hosts",
                  (json_int_t)hosts, "days", (int)days_with(c->tls, a->days), "share",
                  estimate_json(&share), "octets_share", estimate_json(&octets), "evidence",
                  evidence_json(a, tls_filter, sum.flows)));
    return status;
}

/* Nothing among packets that were sampled 1:N leaves N times as much open as among all packets. */
static int widen_zero(struct analysis *a, struct estimate *e, struct error *err)
{
    struct block *b = NULL;
    if (e->value > 0 || a->measure != MEASURE_PACKETS)
        return 0;
    int status =
        ask(a, &b, err,
            "SELECT max(sampling_max) AS n FROM coverage WHERE hour >= %llu AND hour < %llu",
            (unsigned long long)(a->study->from_ms / 1000),
            (unsigned long long)(a->study->to_ms / 1000));
    if (status == 0 && block_rows(b) == 1 && block_f64(b, 0, 0) > 1)
        e->high = e->high * block_f64(b, 0, 0) < 1 ? e->high * block_f64(b, 0, 0) : 1;
    block_free(b);
    return status;
}

/* Local hosts of what counts as concealed. Ports, which TLS is known by, are in table flow only. */
static int whole_hosts(struct analysis *a, const struct concealment *c, double *ret,
                       struct error *err)
{
    if (a->study->concealment == CONCEALMENT_2018_WITH_TLS)
        return concealment_hosts(a, whole_filter[CONCEALMENT_2018_WITH_TLS], ret, err);
    struct block *b = NULL;
    int status =
        ask(a, &b, err, "SELECT uniqExact(local) AS l FROM reach WHERE " USAGE " AND " COUNTED,
            c->tor, c->vpn);
    if (status == 0)
        *ret = block_rows(b) ? block_f64(b, 0, 0) : 0;
    block_free(b);
    return status;
}

static int whole_json(struct analysis *a, const struct concealment *c, json_t **ret,
                      struct error *err)
{
    double hosts = 0;
    struct amounts sum = {0};
    const char *filter = whole_filter[a->study->concealment];
    struct estimate share = share_of_days(a, c->all, a->usage, a->measure);
    struct estimate octets = share_of_days(a, c->all, a->usage, MEASURE_OCTETS);
    json_t *daily = json_array();
    int status = whole_hosts(a, c, &hosts, err);
    if (status == 0)
        status = widen_zero(a, &share, err);
    for (size_t d = 0; d < a->days; d++) {
        amounts_add(&sum, &c->all[d]);
        if (d >= a->series_from && d < a->series_to)
            json_array_append_new(daily, count_json(c->all[d].flows));
    }
    *ret = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:i, s:o, s:o}", "definition",
                     study_concealment_text(a->study->concealment), "definition_is",
                     definition_is[a->study->concealment], "share", estimate_json(&share),
                     "octets_share", estimate_json(&octets), "flows", count_json(sum.flows),
                     "octets", count_json(sum.octets), "packets", count_json(sum.packets),
                     "local_hosts", (json_int_t)hosts, "days", (int)days_with(c->all, a->days),
                     "daily", daily, "evidence", evidence_json(a, filter, sum.flows));
    return status;
}

/* --- what is not counted, and might hide as much --- */

static const struct possible {
    const char *technique, *filter, *why;
    bool may_hide; /* counts for the bound */
} possible[] = {
    {"ssh-tunnel", "service ssh and " USAGE_FILTER,
     "SSH can carry a tunnel; its flows look the same when it administers a machine.", true},
    {"hosting-relay", "owner hosting and service unknown and category unknown and " USAGE_FILTER,
     "A rented server of no known service may be a relay; most are ordinary sites.", true},
    {"website-visit", "service vpn-website and " USAGE_FILTER,
     "A visit to the web site of such a product shows interest, not use.", false},
};
enum { POSSIBLE = sizeof(possible) / sizeof(possible[0]) };

/* The most that this edition cannot rule out: counted and possible together. */
static json_t *at_most_json(struct analysis *a, const struct concealment *c, const struct table *t)
{
    struct amounts *cells = arena_array(a->arena, a->days + 1, sizeof(*cells));
    for (size_t d = 0; d < a->days; d++) {
        cells[d] = c->all[d];
        for (size_t r = 0; r < t->rows; r++)
            if (t->keys[r] < POSSIBLE && possible[t->keys[r]].may_hide)
                amounts_add(&cells[d], &t->cells[r * a->days + d]);
    }
    struct estimate e = share_of_days(a, cells, a->usage, a->measure);
    return estimate_json(&e);
}

static int add_possible(struct analysis *a, const struct concealment *c, json_t *section,
                        struct error *err)
{
    uint32_t ssh = concealment_code(a, SYMBOL_SERVICE, "ssh");
    uint32_t site = concealment_code(a, SYMBOL_SERVICE, "vpn-website");
    const char *key =
        arena_format(a->arena, "multiIf(service = %u, 0, service = %u, 2, 1)", ssh, site);
    const char *where = arena_format(
        a->arena, "(service = %u OR service = %u OR (owner = %d AND service = 0 AND category = 0))",
        ssh, site, OWNER_HOSTING);
    struct table t;
    struct counts hosts;
    json_t *list = json_array();
    int status = day_table_ask(a, "owner_day", key, where, &t, err);
    if (status == 0)
        status =
            counts_ask(a, &hosts, err,
                       "SELECT toUInt32(%s) AS k, uniqExact(local) AS l FROM reach WHERE " USAGE
                       " AND %s GROUP BY k ORDER BY k",
                       key, where);
    for (size_t r = 0; status == 0 && r < t.rows; r++) {
        const struct possible *p = &possible[t.keys[r] % POSSIBLE];
        if (c->tls && p->may_hide)
            continue;
        const struct amounts *cells = t.cells + r * a->days;
        struct estimate share = share_of_days(a, cells, a->usage, a->measure);
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:o, s:o, s:I, s:i, s:o, s:o}", "technique", p->technique,
                            "why", p->why, "flows", count_json(t.sums[r].flows), "octets",
                            count_json(t.sums[r].octets), "local_hosts",
                            (json_int_t)counts_get(hosts.a, &hosts, t.keys[r]), "days",
                            (int)days_with(cells, a->days), "share", estimate_json(&share),
                            "evidence", evidence_json(a, p->filter, t.sums[r].flows)));
    }
    json_object_set_new(section, "not_counted", list);
    /* With TLS counted, what might hide beside it is in part counted already: no sum, no bound. */
    if (status == 0 && !c->tls)
        json_object_set_new(section, "at_most", at_most_json(a, c, &t));
    return status;
}

/* --- one host, one provider, month after month --- */

/* A provider is followed through all its networks; a mere protocol only within one, since it may
 * lead to anybody. */
#define ANY_NETWORK UINT32_MAX

struct tie {
    struct ip local;
    uint32_t key, group; /* group: the network, or ANY_NETWORK */
    uint32_t asn;        /* that had most of a day's flows */
    double most;
    struct ip remote;
    int32_t first, last;
    size_t days, run, longest; /* successive months */
    int month, month_days;     /* of the rows read last */
    double flows;
};

static int month_of(int32_t day)
{
    int year, month, in_month;
    day_to_date(day, &year, &month, &in_month);
    return year * 12 + month;
}

static void tie_day(struct tie *t, int32_t day, double flows)
{
    int month = month_of(day);
    if (t->days == 0)
        t->first = day;
    if (t->days == 0 || month != t->month) {
        bool follows = t->days > 0 && month == t->month + 1 && t->month_days >= DAYS_A_MONTH;
        t->run = follows ? t->run : 0;
        t->month = month;
        t->month_days = 0;
    }
    t->month_days++;
    t->run += t->month_days == DAYS_A_MONTH;
    t->longest = t->run > t->longest ? t->run : t->longest;
    t->last = day;
    t->days++;
    t->flows += flows;
}

static int by_days(const void *a, const void *b)
{
    const struct tie *x = a, *y = b;
    if (x->days != y->days)
        return x->days > y->days ? -1 : 1;
    int order = memcmp(&x->local, &y->local, sizeof(x->local));
    if (order)
        return order;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
                            : (x->group > y->group) - (x->group < y->group);
}

static json_t *tie_json(struct analysis *a, const struct concealment *c, const struct tie *t)
{
    struct row r = row_of(a, c, t->key, SIZE_MAX);
    const char *local = ip_words(a, &t->local);
    const char *filter =
        t->group == ANY_NETWORK
            ? arena_format(a->arena, "local host %s and %s", local, r.filter)
            : arena_format(a->arena, "local host %s and asn %u and %s", local, t->asn, r.filter);
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:i, s:o, s:o, s:i, s:o, s:o}", "local", local,
                     "technique", r.technique, "provider", r.provider, "asn", (json_int_t)t->asn,
                     "network", network_name(a, c->geo, t->asn, t->remote), "days_seen",
                     (int)t->days, "first", date_json(t->first), "last", date_json(t->last),
                     "months", (int)t->longest, "flows", count_json(t->flows), "evidence",
                     evidence_json(a, filter, t->flows));
}

/* Rows come by host, service and network, days ascending. */
static size_t ties_of(struct analysis *a, const struct block *b, struct tie **ret)
{
    size_t rows = block_rows(b), count = 0;
    struct tie *ties = arena_array(a->arena, rows + 1, sizeof(*ties)), *t = NULL;
    for (size_t i = 0; i < rows; i++) {
        struct ip local = ip_of(block_bytes(b, 0, i));
        uint32_t key = (uint32_t)block_u64(b, 1, i), group = (uint32_t)block_u64(b, 2, i);
        if (!t || !ip_equal(&t->local, &local) || t->key != key || t->group != group) {
            count += t && t->longest >= MONTHS_MIN;
            t = &ties[count];
            *t = (struct tie){.local = local, .key = key, .group = group};
        }
        if (block_f64(b, 4, i) > t->most) {
            t->most = block_f64(b, 4, i);
            t->remote = ip_of(block_bytes(b, 5, i));
            t->asn = (uint32_t)block_u64(b, 6, i);
        }
        tie_day(t, (int32_t)block_u64(b, 3, i), block_f64(b, 4, i));
    }
    count += t && t->longest >= MONTHS_MIN;
    qsort(ties, count, sizeof(*ties), by_days);
    *ret = ties;
    return count;
}

/* Services that are a protocol and no party, as codes: "12, 70000, 14". */
static const char *protocol_codes(const struct analysis *a)
{
    static const char *const others[] = {"socks-proxy", "obfuscated-proxy"};
    struct buf codes;
    buf_init(&codes, 1 << 12);
    for (size_t i = 0; i < PROTOCOLS + 2; i++)
        buf_format(&codes, "%s%u", i ? ", " : "",
                   concealment_code(a, SYMBOL_SERVICE,
                                    i < PROTOCOLS ? protocols[i] : others[i - PROTOCOLS]));
    const char *text = arena_text(a->arena, codes.at, codes.len);
    buf_done(&codes);
    return text;
}

static int add_subscriptions(struct analysis *a, const struct concealment *c, json_t *section,
                             struct error *err)
{
    struct block *b = NULL;
    struct tie *ties;
    if (month_of(a->study->to_day) - month_of(a->study->from_day) + 1 < MONTHS_MIN) {
        json_object_set_new(section, "subscriptions",
                            unsupported("The study touches fewer than three calendar months."));
        return 0;
    }
    int status = ask(a, &b, err,
                     "SELECT local, toUInt32(" KEY
                     ") AS k, if(toUInt32(service) IN (0, %s), asn, toUInt32(%u)) AS s, "
                     "toUInt32(toUInt16(day)) AS d, sum(flows) AS n, argMax(remote, flows) AS one, "
                     "argMax(asn, flows) AS net FROM hidden WHERE " COUNTED
                     " GROUP BY local, k, s, d ORDER BY local, k, s, d",
                     protocol_codes(a), ANY_NETWORK, NO_CODE, c->vpn);
    if (status < 0)
        return status;
    size_t count = ties_of(a, b, &ties);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, tie_json(a, c, &ties[i]));
    json_object_set_new(section, "subscriptions", list);
    block_free(b);
    return 0;
}

static int add_chains(struct analysis *a, json_t *section, struct error *err)
{
    json_t *chains = NULL;
    int status = chains_list(a, &chains, err);
    if (status == 0)
        json_object_set_new(section, "chains", chains);
    return status;
}

static int section_parts(struct analysis *a, struct concealment *c, json_t **ret, struct error *err)
{
    int status = dated_open(a->study->lists, a->study->tor_age_s, &c->lists, err);
    if (status == 0)
        status = load(a, c, err);
    if (status == 0)
        status = load_tls(a, c, err);
    if (status == 0)
        status = whole_json(a, c, ret, err);
    if (status < 0)
        return status;
    /* Names of networks are an embellishment: without a database they are numbers. */
    if (c->table.rows == 0 ||
        geo_open(a->study->geo_country_mmdb, a->study->geo_asn_mmdb, &c->geo, NULL) < 0)
        c->geo = NULL;
    json_t *techniques = json_array();
    for (size_t i = 0; i < c->table.rows; i++)
        json_array_append_new(techniques, row_json(a, c, &c->rows[i]));
    json_object_set_new(*ret, "techniques", techniques);
    status = add_tls(a, c, techniques, err);
    if (status == 0)
        status = add_possible(a, c, *ret, err);
    if (status == 0)
        status = add_subscriptions(a, c, *ret, err);
    if (status == 0)
        status = concealment_tor(a, c->lists, *ret, err);
    if (status == 0)
        status = concealment_faults(a, *ret, err);
    if (status == 0)
        status = add_chains(a, *ret, err);
    return status;
}

int concealment_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct concealment c = {0};
    json_t *section = NULL;
    int status = section_parts(a, &c, &section, err);
    block_free(c.basis);
    block_free(c.networks);
    geo_free(c.geo);
    dated_free(c.lists);
    if (status == 0)
        *ret = section;
    else
        json_decref(section);
    return status;
}
