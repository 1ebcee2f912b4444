/* SPDX-License-Identifier: Apache-2.0 */
/* Everything recorded, by role; and how much of the use has a name. Exact counts, no intervals. */
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"

#include "base/ip.h"

enum { SERVERS_SHOWN = 100 };

enum { CANDIDATE_LISTS = 20 };

static json_t *role_json(struct analysis *a, int role, const struct counts *hosts)
{
    const struct amounts *x = &a->role_total[role];
    return json_pack("{s:o, s:o, s:o, s:I, s:I}", "flows", count_json(x->flows), "octets",
                     count_json(x->octets), "packets", count_json(x->packets), "local_hosts",
                     (json_int_t)counts_get(hosts->a, hosts, (uint32_t)role), "remote_hosts",
                     (json_int_t)counts_get(hosts->b, hosts, (uint32_t)role));
}

static int by_flows(const void *a, const void *b)
{
    const struct doubt *x = *(const struct doubt *const *)a, *y = *(const struct doubt *const *)b;
    if (x->sum.flows != y->sum.flows)
        return x->sum.flows > y->sum.flows ? -1 : 1;
    int order = strcmp(x->list, y->list);
    return order ? order : (x->category > y->category) - (x->category < y->category);
}

/* What may be of several services, the largest lists first. */
static json_t *candidates_json(struct analysis *a)
{
    const struct doubt **order = arena_array(a->arena, a->doubt_count + 1, sizeof(*order));
    json_t *list = json_array();
    for (size_t i = 0; i < a->doubt_count; i++)
        order[i] = &a->doubts[i];
    qsort(order, a->doubt_count, sizeof(*order), by_flows);
    for (size_t i = 0; i < a->doubt_count && i < CANDIDATE_LISTS; i++) {
        json_t *ids = json_array();
        for (const char *at = order[i]->list; *at;) {
            size_t len = strcspn(at, "|");
            json_array_append_new(ids, json_stringn(at, len));
            at += len + (at[len] == '|');
        }
        json_array_append_new(list, json_pack("{s:o, s:o}", "services", ids, "flows",
                                              count_json(order[i]->sum.flows)));
    }
    return list;
}

static json_t *unattributed_json(struct analysis *a)
{
    size_t row = table_row(&a->services, 0);
    if (row == SIZE_MAX)
        return json_null();
    struct estimate e = share_of_days(a, a->services.cells + row * a->days, a->usage, a->measure);
    return json_pack(
        "{s:o, s:o, s:o, s:o}", "flows", count_json(a->services.sums[row].flows), "share",
        estimate_json(&e), "candidates", candidates_json(a), "evidence",
        evidence_json(a, "service unknown and " USAGE_FILTER, a->services.sums[row].flows));
}

static json_t *usage_json(struct analysis *a)
{
    int32_t *days = arena_array(a->arena, a->days + 1, sizeof(*days));
    double *x = arena_array(a->arena, a->days + 1, sizeof(*x));
    size_t n = used_days(a, a->usage, NULL, a->measure, days, x, NULL);
    json_t *j =
        json_pack("{s:o, s:o, s:o, s:i, s:o}", "flows", count_json(a->usage_total.flows), "octets",
                  count_json(a->usage_total.octets), "packets", count_json(a->usage_total.packets),
                  "days", (int)days_with(a->usage, a->days), "evidence",
                  evidence_json(a, USAGE_FILTER, a->usage_total.flows));
    if (n > 1) {
        struct estimate e = mean_estimate(days, x, n, LEVEL, false);
        json_object_set_new(j, "per_day", estimate_json(&e));
        json_object_set_new(j, "days_effective", number_json(e.days_effective));
        json_object_set_new(j, "day_to_day_correlation", number_json(e.lean));
    }
    return j;
}

/* What was done through pivots is in the totals and nowhere else but its own section. */
static json_t *pivots_json(struct analysis *a)
{
    if (a->study->pivot_count == 0)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o}", "flows", count_json(a->pivot_total.flows), "octets",
                     count_json(a->pivot_total.octets), "packets",
                     count_json(a->pivot_total.packets), "evidence",
                     evidence_json(a, "pivot", a->pivot_total.flows));
}

/* Local addresses by role and of use (key 255), remote ones by role. */
static int role_hosts(struct analysis *a, struct counts *ret, double *ret_use, struct error *err)
{
    int status = counts_ask(a, ret, err,
                            "SELECT k, uniqExact(local) AS l FROM (SELECT local, if(" USAGE
                            ", [toUInt32(role), toUInt32(255)], [toUInt32(role)]) AS ks FROM reach "
                            "WHERE pivot = 0) ARRAY JOIN ks AS k GROUP BY k ORDER BY k");
    for (size_t i = 0; status == 0 && i < ret->rows; i++) {
        double remote = 0;
        if (ret->keys[i] < ROLES)
            status =
                fact_ask(a, arena_format(a->arena, "remote_hosts.%u", ret->keys[i]), &remote, err);
        ret->b[i] = (uint64_t)remote;
    }
    *ret_use = (double)(status == 0 ? counts_get(ret->a, ret, 255) : 0);
    return status;
}

/* --- the population's own servers --- */

/* An address and port that several asked, or one again and again: src/store/summary.c. */
static int ask_servers(struct analysis *a, struct block **ret, struct error *err)
{
    return engine_query(a->engine,
                        "SELECT local, port, protocol, flows, remotes, days, first_ms, last_ms, "
                        "service, octets_out FROM server ORDER BY remotes DESC, flows DESC, local, "
                        "port, protocol",
                        ret, err);
}

static json_t *server_json(struct analysis *a, const struct block *b, size_t row)
{
    char text[IP_TEXT_MAX];
    struct ip ip = {{0}};
    struct bytes octets = block_bytes(b, 0, row);
    memcpy(ip.octet, octets.at, octets.len < IP_OCTETS ? octets.len : IP_OCTETS);
    ip_print(&ip, text);
    unsigned port = (unsigned)block_u64(b, 1, row), protocol = (unsigned)block_u64(b, 2, row);
    const char *name = protocol_text(protocol);
    const char *filter =
        arena_format(a->arena, "local host %s and local port %u and proto %u and role served", text,
                     port, protocol);
    return json_pack("{s:s, s:i, s:s, s:s, s:o, s:I, s:i, s:o, s:o, s:o, s:o}", "local", text,
                     "port", (int)port, "protocol", name ? name : "", "service",
                     symbols_text(a->symbols, SYMBOL_SERVICE, (uint32_t)block_u64(b, 8, row)),
                     "flows", count_json(block_f64(b, 3, row)), "remotes",
                     (json_int_t)block_u64(b, 4, row), "days", (int)block_u64(b, 5, row), "first",
                     time_json(block_u64(b, 6, row)), "last", time_json(block_u64(b, 7, row)),
                     "octets_sent", count_json(block_f64(b, 9, row)), "evidence",
                     evidence_json(a, filter, block_f64(b, 3, row)));
}

static int add_servers(struct analysis *a, json_t *totals, struct error *err)
{
    struct block *b = NULL;
    int status = ask_servers(a, &b, err);
    if (status < 0)
        return status;
    json_t *list = json_array();
    for (size_t row = 0; row < block_rows(b) && row < SERVERS_SHOWN; row++)
        json_array_append_new(list, server_json(a, b, row));
    json_object_set_new(totals, "servers", list);
    json_object_set_new(totals, "servers_in_all", json_integer((json_int_t)block_rows(b)));
    block_free(b);
    return 0;
}

int totals_section(struct analysis *a, json_t **ret, struct error *err)
{
    static const int order[] = {ROLE_CONSUMED, ROLE_SERVED, ROLE_PEER, ROLE_UNANSWERED,
                                ROLE_UNKNOWN};
    struct counts by_role;
    double use_local = 0, use_remote = 0;
    int status = role_hosts(a, &by_role, &use_local, err);
    if (status == 0)
        status = fact_ask(a, "remote_hosts.use", &use_remote, err);
    if (status < 0)
        return status;
    json_t *flows = json_object(), *roles = json_object();
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        const char *name = order[i] == ROLE_UNKNOWN ? "unknown" : role_text((unsigned)order[i]);
        if (order[i] == ROLE_UNKNOWN && a->role_total[order[i]].flows <= 0)
            continue;
        json_object_set_new(flows, name, count_json(a->role_total[order[i]].flows));
        json_object_set_new(roles, name, role_json(a, order[i], &by_role));
    }
    *ret = json_pack("{s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "flows",
                     count_json(a->total.flows), "octets", count_json(a->total.octets), "packets",
                     count_json(a->total.packets), "local_hosts", (json_int_t)use_local,
                     "remote_hosts", (json_int_t)use_remote, "by_role", flows, "roles", roles,
                     "pivots", pivots_json(a), "usage", usage_json(a), "unattributed",
                     unattributed_json(a), "evidence", evidence_json(a, "", a->total.flows));
    return add_servers(a, *ret, err);
}
