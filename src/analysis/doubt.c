/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations that may be of several services are of none of them in the counts. What a service's
 * share could be lies between two bounds: without any of them, and with every one that names it. No
 * probability is given to the candidates: nothing in the telemetry says how they divide. */
#include <string.h>

#include "analysis/section.h"
#include "base/zone.h"

int doubts_load(struct analysis *a, struct error *err)
{
    struct block *b = NULL;
    int status = ask(a, &b, err,
                     "SELECT candidates AS k, toUInt32(category) AS c, slot, sum(flows) AS n, "
                     "sum(packets) AS p, sum(octets) AS o FROM doubtful WHERE role IN (1, 3) GROUP "
                     "BY k, c, slot ORDER BY k, c, slot");
    if (status < 0)
        return status;
    a->doubts = arena_array(a->arena, block_rows(b) + 1, sizeof(*a->doubts));
    for (size_t i = 0; i < block_rows(b); i++) {
        struct doubt *last = a->doubt_count ? &a->doubts[a->doubt_count - 1] : NULL;
        uint32_t code = (uint32_t)block_u64(b, 0, i), category = (uint32_t)block_u64(b, 1, i);
        int64_t day = zone_day(a->study->zone, (int64_t)block_u64(b, 2, i)) - a->study->from_day;
        struct amounts x = {block_f64(b, 3, i), block_f64(b, 4, i), block_f64(b, 5, i)};
        if (day < 0 || day >= (int64_t)a->days)
            continue;
        if (!last || last->code != code || last->category != category) {
            last = &a->doubts[a->doubt_count++];
            *last = (struct doubt){.code = code, .category = category};
            last->list = symbols_text(a->symbols, SYMBOL_CANDIDATES, code);
            last->cells = arena_array(a->arena, a->days + 1, sizeof(*last->cells));
        }
        amounts_add(&last->cells[day], &x);
        amounts_add(&last->sum, &x);
    }
    block_free(b);
    return 0;
}

/* Calls `is` with each id of "a|b|c" until it says yes. */
static bool any_of(const char *list, bool (*is)(const void *ctx, const char *id, size_t len),
                   const void *ctx)
{
    for (const char *at = list; *at;) {
        size_t len = strcspn(at, "|");
        if (is(ctx, at, len))
            return true;
        at += len + (at[len] == '|');
    }
    return false;
}

static bool is_service(const void *ctx, const char *id, size_t len)
{
    return strlen(ctx) == len && memcmp(ctx, id, len) == 0;
}

bool doubt_may_be_service(const struct analysis *a, const struct doubt *d, const char *id)
{
    (void)a;
    return any_of(d->list, is_service, id);
}

struct of_category {
    const struct catalogue *catalogue;
    const char *id;
};

static bool is_of_category(const void *ctx, const char *id, size_t len)
{
    const struct of_category *x = ctx;
    int at = x->catalogue ? catalogue_find(x->catalogue, id, len) : -1;
    return at >= 0 && strcmp(catalogue_service_category(x->catalogue, (size_t)at), x->id) == 0;
}

/* Where all candidates are of one category the conversation is counted in it: no doubt there. */
bool doubt_may_be_category(const struct analysis *a, const struct doubt *d, const char *id)
{
    struct of_category x = {a->in->catalogue, id};
    return d->category == 0 && any_of(d->list, is_of_category, &x);
}

json_t *ambiguous_json(struct analysis *a, const struct amounts *certain, doubt_is_fn *is,
                       const char *id, struct estimate share)
{
    struct amounts *with = arena_array(a->arena, a->days + 1, sizeof(*with)), maybe = {0};
    for (size_t i = 0; i < a->doubt_count; i++) {
        if (!is(a, &a->doubts[i], id))
            continue;
        amounts_add(&maybe, &a->doubts[i].sum);
        for (size_t d = 0; d < a->days; d++)
            amounts_add(&with[d], &a->doubts[i].cells[d]);
    }
    if (maybe.flows <= 0)
        return json_null();
    for (size_t d = 0; d < a->days; d++)
        amounts_add(&with[d], &certain[d]);
    struct estimate all = share_of_days(a, with, a->usage, a->measure);
    return json_pack("{s:o, s:o, s:o, s:{s:o, s:o, s:f}}", "flows", count_json(maybe.flows), "low",
                     number_json(share.value), "high", number_json(all.value), "interval", "low",
                     number_json(share.low), "high", number_json(all.high), "level", LEVEL);
}

json_t *shares_json(struct analysis *a, const struct amounts *cells)
{
    struct estimate flows = share_of_days(a, cells, a->usage, MEASURE_FLOWS);
    struct estimate octets = share_of_days(a, cells, a->usage, MEASURE_OCTETS);
    struct estimate packets = share_of_days(a, cells, a->usage, MEASURE_PACKETS);
    return json_pack("{s:o, s:o, s:o}", "conversations", estimate_json(&flows), "octets",
                     estimate_json(&octets), "packets", estimate_json(&packets));
}
