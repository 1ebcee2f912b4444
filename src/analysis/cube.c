/* SPDX-License-Identifier: Apache-2.0 */
/* Table activity, read twice and never again: by everything but its slots (days x a few hundred
 * combinations, whatever the number of conversations), and by its slots. The sections' tables are
 * sums of these, made here. Amounts are whole numbers, so that sums do not depend on the order in
 * which the engine's threads gave them. */
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"
#include "base/zone.h"

int cube_load(struct analysis *a, struct error *err)
{
    struct block *b = NULL;
    int status =
        ask(a, &b, err,
            "SELECT toUInt32(toUInt16(day)) AS d, service, category, country, role, basis, "
            "ambiguous, pivot, sum(flows) AS n, sum(packets_out + packets_in) AS p, "
            "sum(octets_out + octets_in) AS o FROM activity WHERE %s GROUP BY d, service, "
            "category, country, role, basis, ambiguous, pivot",
            a->window);
    if (status < 0)
        return status;
    a->cube_rows = block_rows(b);
    a->cube = arena_array(a->arena, a->cube_rows + 1, sizeof(*a->cube));
    for (size_t i = 0; i < a->cube_rows; i++)
        a->cube[i] = (struct cube_row){
            .day = (uint32_t)(block_u64(b, 0, i) - (uint64_t)a->study->from_day),
            .service = (uint16_t)block_u64(b, 1, i),
            .category = (uint16_t)block_u64(b, 2, i),
            .country = (uint16_t)block_u64(b, 3, i),
            .role = (uint8_t)block_u64(b, 4, i),
            .basis = (uint8_t)block_u64(b, 5, i),
            .ambiguous = block_u64(b, 6, i) != 0,
            .pivot = block_u64(b, 7, i) != 0,
            .x = {block_f64(b, 8, i), block_f64(b, 9, i), block_f64(b, 10, i)},
        };
    block_free(b);
    return 0;
}

bool cube_is_use(const struct cube_row *r)
{
    return !r->pivot && (r->role == ROLE_CONSUMED || r->role == ROLE_PEER);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void cube_table(struct analysis *a, cube_key_fn *key, const void *ctx, struct table *ret)
{
    uint32_t *keys = arena_array(a->arena, a->cube_rows + 1, sizeof(*keys));
    size_t n = 0;
    for (size_t i = 0; i < a->cube_rows; i++)
        if (key(ctx, &a->cube[i], &keys[n]))
            n++;
    qsort(keys, n, sizeof(*keys), by_number);
    ret->rows = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || keys[i] != keys[i - 1])
            keys[ret->rows++] = keys[i];
    ret->days = a->days;
    ret->keys = keys;
    ret->cells = arena_array(a->arena, ret->rows * ret->days + 1, sizeof(*ret->cells));
    ret->sums = arena_array(a->arena, ret->rows + 1, sizeof(*ret->sums));
    for (size_t i = 0; i < a->cube_rows; i++) {
        uint32_t k;
        if (!key(ctx, &a->cube[i], &k))
            continue;
        size_t row = table_row(ret, k);
        amounts_add(&ret->cells[row * ret->days + a->cube[i].day], &a->cube[i].x);
        amounts_add(&ret->sums[row], &a->cube[i].x);
    }
}

/* Slots of use by service, both ascending; a->slots are their sums. */
int slots_load(struct analysis *a, struct error *err)
{
    struct block *b = NULL;
    int status = ask(a, &b, err,
                     "SELECT slot AS s, toUInt32(service) AS k, sum(flows) AS n, sum(packets_out + "
                     "packets_in) AS p, sum(octets_out + octets_in) AS o FROM activity WHERE %s "
                     "AND " USAGE " GROUP BY s, k ORDER BY s, k",
                     a->window);
    if (status < 0)
        return status;
    size_t rows = block_rows(b), at = 0;
    a->service_slots = arena_array(a->arena, rows + 1, sizeof(*a->service_slots));
    a->service_slot_count = rows;
    a->slot_start = arena_array(a->arena, rows + 1, sizeof(*a->slot_start));
    a->slots = arena_array(a->arena, rows + 1, sizeof(*a->slots));
    for (size_t i = 0; i < rows; i++) {
        struct amounts x = {block_f64(b, 2, i), block_f64(b, 3, i), block_f64(b, 4, i)};
        uint32_t slot = (uint32_t)block_u64(b, 0, i);
        a->service_slots[i] = (struct service_slot){slot, (uint32_t)block_u64(b, 1, i), x.flows};
        if (i == 0 || slot != a->slot_start[at - 1])
            a->slot_start[at++] = slot;
        amounts_add(&a->slots[at - 1], &x);
    }
    a->slot_count = at;
    block_free(b);
    return 0;
}
