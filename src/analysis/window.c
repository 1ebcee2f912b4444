/* SPDX-License-Identifier: Apache-2.0 */
/* What every section needs first: amounts by day and role, and by slot of time. */
#include <string.h>

#include "analysis/section.h"
#include "base/zone.h"

static void load_days(struct analysis *a)
{
    a->usage = arena_array(a->arena, a->days + 1, sizeof(*a->usage));
    a->everything = arena_array(a->arena, a->days + 1, sizeof(*a->everything));
    for (int r = 0; r < ROLES; r++)
        a->by_role[r] = arena_array(a->arena, a->days + 1, sizeof(struct amounts));
    for (size_t i = 0; i < a->cube_rows; i++) {
        const struct cube_row *c = &a->cube[i];
        int role = c->role < ROLES ? c->role : ROLE_UNKNOWN;
        amounts_add(&a->total, &c->x);
        amounts_add(&a->everything[c->day], &c->x);
        if (c->pivot) {
            amounts_add(&a->pivot_total, &c->x);
            continue;
        }
        amounts_add(&a->by_role[role][c->day], &c->x);
        amounts_add(&a->role_total[role], &c->x);
        if (cube_is_use(c)) {
            amounts_add(&a->usage[c->day], &c->x);
            amounts_add(&a->usage_total, &c->x);
        }
    }
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

static bool service_key(const void *ctx, const struct cube_row *r, uint32_t *ret)
{
    (void)ctx;
    *ret = r->service;
    return cube_is_use(r);
}

static bool category_key(const void *ctx, const struct cube_row *r, uint32_t *ret)
{
    (void)ctx;
    *ret = r->category;
    return cube_is_use(r);
}

static bool country_key(const void *ctx, const struct cube_row *r, uint32_t *ret)
{
    (void)ctx;
    *ret = r->country;
    return cube_is_use(r);
}

int window_load(struct analysis *a, struct error *err)
{
    int status = choose_measure(a, err);
    if (status == 0)
        status = cube_load(a, err);
    if (status == 0)
        status = slots_load(a, err);
    if (status == 0)
        status = doubts_load(a, err);
    if (status < 0)
        return status;
    load_days(a);
    cube_table(a, service_key, NULL, &a->services);
    cube_table(a, category_key, NULL, &a->categories);
    cube_table(a, country_key, NULL, &a->countries);
    fill_profile(a);
    return 0;
}
