/* SPDX-License-Identifier: Apache-2.0 */
/* A host's clock is, for each half hour of the day, how many of its services it began to use in it,
 * summed over its days: conversations would say more of a busy quarter of an hour than of the day,
 * and whether there was any at all says nothing of a busy host. The clock points somewhere, as
 * people's do, or nowhere: that is the mean resultant, tested by Rayleigh's test with days as the
 * unit. And the host's quietest six hours are more or less empty as against its mean: a machine's
 * are as full as others; a person sleeps in them, whenever that is. */
#include "analysis/rhythm_hosts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTS = 5000, SHOWN = 20, DAYS_MIN = 7, STARTS_MIN = 6, QUIET_SLOTS = 12 };
static const double HUMAN_P = 0.01, MACHINE_QUIET = 0.6, HUMAN_QUIET = 0.4, MACHINE_STRENGTH = 0.25;

enum habit { UNCERTAIN, HUMAN, MACHINE, HABITS };

struct host {
    struct ip ip;
    double flows, days, starts; /* starts: of services in half hours */
    double by_slot[SLOTS_A_DAY];
    double strength, p, quiet;
    enum habit habit;
};

/* Of the mean half hour, how much is left in the quietest six hours on end. */
static double quiet_part(const struct host *h)
{
    double least = INFINITY, all = 0;
    for (int from = 0; from < SLOTS_A_DAY; from++) {
        double sum = 0;
        for (int i = 0; i < QUIET_SLOTS; i++)
            sum += h->by_slot[(from + i) % SLOTS_A_DAY];
        least = fmin(least, sum);
        all += h->by_slot[from];
    }
    return all > 0 ? least / QUIET_SLOTS / (all / SLOTS_A_DAY) : 0;
}

static void judge(struct host *h)
{
    double c = 0, s = 0;
    for (int i = 0; i < SLOTS_A_DAY; i++) {
        double angle = 2 * M_PI * (i + 0.5) / SLOTS_A_DAY;
        c += h->by_slot[i] * cos(angle);
        s += h->by_slot[i] * sin(angle);
        h->starts += h->by_slot[i];
    }
    h->strength = h->starts > 0 ? hypot(c, s) / h->starts : 0;
    h->p = exp(-h->days * h->strength * h->strength); /* Mardia and Jupp 2000, 6.3 */
    h->quiet = quiet_part(h);
    if (h->days < DAYS_MIN || h->starts < STARTS_MIN * h->days)
        h->habit = UNCERTAIN; /* so little a day shows no hours, a person's or a machine's */
    else if (h->quiet >= MACHINE_QUIET && h->strength < MACHINE_STRENGTH)
        h->habit = MACHINE;
    else
        h->habit = h->p <= HUMAN_P && h->quiet < HUMAN_QUIET ? HUMAN : UNCERTAIN;
}

static int load(struct analysis *a, struct host **ret, size_t *ret_count, struct error *err)
{
    struct block *b = NULL;
    struct buf sql;
    buf_init(&sql, 1 << 16);
    buf_text(&sql, "SELECT local, sum(flows) AS n, uniqExact(day) AS d");
    for (int i = 0; i < SLOTS_A_DAY; i++)
        buf_format(&sql, ", sum(bitAnd(bitShiftRight(slots, %d), 1)) AS s%d", i, i);
    buf_format(&sql,
               " FROM daily WHERE %s AND " USAGE " GROUP BY local ORDER BY n DESC, local LIMIT %d",
               a->window, HOSTS);
    int status = engine_query(a->engine, sql.at, &b, err);
    buf_done(&sql);
    if (status < 0)
        return status;
    struct host *hosts = arena_array(a->arena, block_rows(b) + 1, sizeof(*hosts));
    for (size_t i = 0; i < block_rows(b); i++) {
        struct bytes octets = block_bytes(b, 0, i);
        memcpy(hosts[i].ip.octet, octets.at, octets.len < IP_OCTETS ? octets.len : IP_OCTETS);
        hosts[i].flows = block_f64(b, 1, i);
        hosts[i].days = block_f64(b, 2, i);
        for (int k = 0; k < SLOTS_A_DAY; k++)
            hosts[i].by_slot[k] = block_f64(b, (size_t)k + 3, i);
    }
    *ret = hosts;
    *ret_count = block_rows(b);
    block_free(b);
    return 0;
}

static json_t *host_json(struct analysis *a, const struct host *h)
{
    char ip[IP_TEXT_MAX];
    ip[ip_print(&h->ip, ip)] = 0;
    return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:s}", "local", ip, "days", (int)h->days,
                     "flows", count_json(h->flows), "starts_a_day",
                     number_json(h->starts / h->days), "strength", number_json(h->strength),
                     "quiet_part", number_json(h->quiet), "filter",
                     arena_format(a->arena, "local host %s and " USAGE_FILTER, ip));
}

int rhythm_hosts(struct analysis *a, json_t **ret, struct error *err)
{
    struct host *hosts = NULL;
    struct counts all = {0};
    size_t count = 0, by_habit[HABITS] = {0};
    double flows[HABITS] = {0};
    int status = load(a, &hosts, &count, err);
    if (status == 0)
        status = counts_ask(a, &all, err,
                            "SELECT toUInt32(1) AS k, uniqExact(local) AS n FROM daily WHERE %s "
                            "AND " USAGE,
                            a->window);
    if (status < 0)
        return status;
    for (size_t i = 0; i < count; i++) {
        judge(&hosts[i]);
        by_habit[hosts[i].habit]++;
        flows[hosts[i].habit] += hosts[i].flows;
    }
    json_t *machines = json_array();
    for (size_t i = 0; i < count && json_array_size(machines) < SHOWN; i++)
        if (hosts[i].habit == MACHINE)
            json_array_append_new(machines, host_json(a, &hosts[i]));
    double whole = flows[HUMAN] + flows[MACHINE] + flows[UNCERTAIN];
    *ret = json_pack(
        "{s:i, s:i, s:{s:i, s:i, s:i}, s:{s:o, s:o, s:o}, s:o, s:s}", "hosts_in_all",
        (int)(all.rows ? all.a[0] : 0), "looked_at", (int)count, "hosts", "human_like",
        (int)by_habit[HUMAN], "machine_like", (int)by_habit[MACHINE], "uncertain",
        (int)by_habit[UNCERTAIN], "part_of_flows", "human_like",
        number_json(whole > 0 ? flows[HUMAN] / whole : 0), "machine_like",
        number_json(whole > 0 ? flows[MACHINE] / whole : 0), "uncertain",
        number_json(whole > 0 ? flows[UNCERTAIN] / whole : 0), "machines", machines, "method",
        "direction of the services begun around the clock, and the quietest six hours");
    return 0;
}
