/* SPDX-License-Identifier: Apache-2.0 */
/* What every section needs first: amounts by day and role, and by slot of time. */
#include <string.h>

#include "analysis/section.h"
#include "base/zone.h"

static int load_days(struct analysis *a, struct error *err)
{
    struct table t;
    int status = table_ask(a, "role", "1", &t, err);
    if (status < 0)
        return status;
    a->usage = arena_array(a->arena, a->days + 1, sizeof(*a->usage));
    for (int r = 0; r < ROLES; r++) {
        size_t row = table_row(&t, (uint32_t)r);
        a->by_role[r] = row == SIZE_MAX ? arena_array(a->arena, a->days + 1, sizeof(struct amounts))
                                        : t.cells + row * a->days;
        for (size_t i = 0; i < a->days; i++) {
            amounts_add(&a->role_total[r], &a->by_role[r][i]);
            if (r == ROLE_CONSUMED || r == ROLE_PEER)
                amounts_add(&a->usage[i], &a->by_role[r][i]);
        }
        amounts_add(&a->total, &a->role_total[r]);
        if (r == ROLE_CONSUMED || r == ROLE_PEER)
            amounts_add(&a->usage_total, &a->role_total[r]);
    }
    return 0;
}

static int load_slots(struct analysis *a, struct error *err)
{
    struct block *b = NULL;
    int status = ask(a, &b, err,
                     "SELECT slot AS s, sum(flows) AS n, sum(packets_out + packets_in) AS p, "
                     "sum(octets_out + octets_in) AS o FROM activity WHERE %s AND " USAGE
                     " GROUP BY s ORDER BY s",
                     a->window);
    if (status < 0)
        return status;
    a->slot_count = block_rows(b);
    a->slot_start = arena_array(a->arena, a->slot_count + 1, sizeof(*a->slot_start));
    a->slots = arena_array(a->arena, a->slot_count + 1, sizeof(*a->slots));
    for (size_t i = 0; i < a->slot_count; i++) {
        a->slot_start[i] = (uint32_t)block_u64(b, 0, i);
        a->slots[i] = (struct amounts){block_f64(b, 1, i), block_f64(b, 2, i), block_f64(b, 3, i)};
    }
    block_free(b);
    return 0;
}

/* Local half hours. Slots carry their own offset, since a zone's history may change it mid-study.
 */
static void fill_profile(struct analysis *a)
{
    a->profile = arena_array(a->arena, a->days * SLOTS_A_DAY + 1, sizeof(*a->profile));
    for (size_t i = 0; i < a->slot_count; i++) {
        int64_t local = (int64_t)a->slot_start[i] + zone_offset_s(a->study->zone, a->slot_start[i]);
        int64_t day = local / 86400 - a->study->from_day;
        if (day < 0 || day >= (int64_t)a->days)
            continue; /* the tail of a conversation past the study's last midnight */
        a->profile[day * SLOTS_A_DAY + local % 86400 / 1800] += amount_of(&a->slots[i], a->measure);
    }
}

/* One of n packets seen makes large conversations more likely to be seen at all: conversations no
 * longer count use, packets do. */
static int choose_measure(struct analysis *a, struct error *err)
{
    struct block *b = NULL;
    a->measure = a->study->measure;
    int status = ask(a, &b, err,
                     "SELECT sum(records) AS n, sumIf(records, sampling_max > 1) AS m FROM "
                     "coverage WHERE hour >= %llu AND hour < %llu",
                     (unsigned long long)(a->study->from_ms / 1000),
                     (unsigned long long)(a->study->to_ms / 1000));
    if (status < 0)
        return status;
    if (block_rows(b) == 1 && 2 * block_u64(b, 1, 0) > block_u64(b, 0, 0) &&
        a->measure == MEASURE_FLOWS) {
        a->measure = MEASURE_PACKETS;
        a->measure_why = "Most of the telemetry is sampled by packets, so shares are of packets: "
                         "sampling sees large conversations more often than small ones.";
    }
    block_free(b);
    return 0;
}

static uint64_t day_start_s(const struct analysis *a, size_t day)
{
    return (uint64_t)zone_day_start_s(a->study->zone, a->study->from_day + (int32_t)day);
}

uint64_t series_from_s(const struct analysis *a)
{
    return day_start_s(a, a->series_from);
}

bool series_too_long(const struct analysis *a)
{
    return a->series_to - a->series_from > SERIES_DAYS_MAX;
}

size_t series_hours(const struct analysis *a)
{
    if (series_too_long(a))
        return 0;
    return (day_start_s(a, a->series_to) - series_from_s(a) + 3599) / 3600;
}

int window_load(struct analysis *a, struct error *err)
{
    int status = choose_measure(a, err);
    if (status == 0)
        status = load_days(a, err);
    if (status == 0)
        status = load_slots(a, err);
    if (status == 0)
        status = table_ask(a, "service", USAGE, &a->services, err);
    if (status == 0)
        status = table_ask(a, "category", USAGE, &a->categories, err);
    if (status == 0)
        status = table_ask(a, "country", USAGE, &a->countries, err);
    if (status == 0)
        fill_profile(a);
    return status;
}
