/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/onset_series.h"

#include <string.h>

enum { PAIRS = 200, PAIR_FLOWS_MIN = 200, TOTAL_MIN = 20 };

static struct onset_series *series_new(struct analysis *a, struct onset_list *list,
                                       const char *kind, const char *id, const char *filter)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 256;
        struct onset_series *at = arena_array(a->arena, room, sizeof(*at));
        for (size_t i = 0; i < list->count; i++)
            at[i] = list->at[i];
        list->at = at;
        list->room = room;
    }
    struct onset_series *s = &list->at[list->count++];
    *s = (struct onset_series){.kind = kind, .id = id, .filter = filter};
    s->flows = arena_array(a->arena, a->days + 1, sizeof(*s->flows));
    return s;
}

static const char *id_of(struct analysis *a, const struct table *t, uint32_t key)
{
    char code[3];
    if (t == &a->services)
        return symbols_text(a->symbols, SYMBOL_SERVICE, key);
    if (t == &a->categories)
        return symbols_text(a->symbols, SYMBOL_CATEGORY, key);
    country_text(key, code);
    return arena_text(a->arena, code, strlen(code));
}

/* Series with too few conversations can show nothing and would only eat the budget. */
static void add_table(struct analysis *a, struct onset_list *list, const char *kind,
                      const struct table *t)
{
    for (size_t i = 0; i < t->rows; i++) {
        if (t->keys[i] == 0 || t->sums[i].flows < TOTAL_MIN)
            continue;
        const char *id = id_of(a, t, t->keys[i]);
        struct onset_series *s =
            series_new(a, list, kind, id,
                       arena_format(a->arena, "%s %s and " USAGE_FILTER, kind, filter_word(a, id)));
        for (size_t d = 0; d < a->days; d++)
            s->flows[d] = t->cells[i * t->days + d].flows;
        s->total = t->sums[i].flows;
    }
}

static void add_cell(struct analysis *a, struct onset_series *s, int64_t day, double flows)
{
    if (day < a->study->from_day || day > a->study->to_day)
        return;
    s->flows[day - a->study->from_day] += flows;
    s->total += flows;
}

/* Ports of servers that the population opened most conversations to, by protocol. */
static int add_ports(struct analysis *a, struct onset_list *list, struct error *err)
{
    struct block *b = NULL;
    int status = ask(a, &b, err,
                     "SELECT toUInt32(protocol) * 65536 + port AS k, toUInt32(toUInt16(day)) AS d, "
                     "sum(flows) AS n FROM port_day GROUP BY k, d ORDER BY k, d");
    if (status < 0)
        return status;
    struct onset_series *s = NULL;
    for (size_t i = 0, last = 0; i < block_rows(b); i++) {
        uint32_t key = (uint32_t)block_u64(b, 0, i);
        const char *protocol = key >> 16 == 6 ? "tcp" : "udp";
        if (!s || key != last)
            s = series_new(a, list, "port", arena_format(a->arena, "%s/%u", protocol, key & 0xffff),
                           arena_format(a->arena, "proto %s and remote port %u and role consumed",
                                        protocol, key & 0xffff));
        last = key;
        add_cell(a, s, (int64_t)block_u64(b, 1, i), block_f64(b, 2, i));
    }
    block_free(b);
    return 0;
}

static void take_ip(char text[IP_TEXT_MAX], const struct block *b, size_t column, size_t row)
{
    struct ip ip = {0};
    struct bytes octets = block_bytes(b, column, row);
    memcpy(ip.octet, octets.at, octets.len < IP_OCTETS ? octets.len : IP_OCTETS);
    text[ip_print(&ip, text)] = 0;
}

/* Of the pairs with a service on three days or more (the store's summary `pair`): all pairs of
 * addresses would have to be held to rank them otherwise. */
static int add_pairs(struct analysis *a, struct onset_list *list, struct error *err)
{
    struct block *b = NULL;
    size_t before = list->count;
    int status = ask(a, &b, err,
                     "SELECT local, remote, toUInt32(toUInt16(day)) AS d, sum(flows) AS n FROM "
                     "contact WHERE %s AND " USAGE " AND (local, remote) IN (SELECT local, remote "
                     "FROM (SELECT local, remote, sum(flows) AS n FROM pair GROUP BY local, remote "
                     "HAVING n >= %d ORDER BY n DESC, local, remote LIMIT %d)) GROUP BY local, "
                     "remote, d ORDER BY local, remote, d",
                     a->window, PAIR_FLOWS_MIN, PAIRS);
    if (status < 0)
        return status;
    struct onset_series *s = NULL;
    for (size_t i = 0; i < block_rows(b); i++) {
        if (!s || !bytes_equal(block_bytes(b, 0, i), block_bytes(b, 0, i - 1)) ||
            !bytes_equal(block_bytes(b, 1, i), block_bytes(b, 1, i - 1))) {
            char local[IP_TEXT_MAX], remote[IP_TEXT_MAX];
            take_ip(local, b, 0, i);
            take_ip(remote, b, 1, i);
            s = series_new(a, list, "pair", arena_format(a->arena, "%s > %s", local, remote),
                           arena_format(a->arena,
                                        "local host %s and remote host %s and " USAGE_FILTER, local,
                                        remote));
        }
        add_cell(a, s, (int64_t)block_u64(b, 2, i), block_f64(b, 3, i));
    }
    block_free(b);
    list->pairs = list->count - before;
    return 0;
}

int onset_series_load(struct analysis *a, struct onset_list *ret, struct error *err)
{
    *ret = (struct onset_list){0};
    add_table(a, ret, "service", &a->services);
    add_table(a, ret, "category", &a->categories);
    add_table(a, ret, "country", &a->countries);
    int status = add_ports(a, ret, err);
    return status < 0 ? status : add_pairs(a, ret, err);
}
