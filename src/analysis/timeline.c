/* SPDX-License-Identifier: Apache-2.0 */
/* Who did what, hour by hour, from the conversations themselves: of the hosts, nets and services
 * that the study names, and of the first hours of whatever began (the first morning). */
#include <inttypes.h>
#include <string.h>

#include "analysis/section.h"
#include "base/zone.h"

enum { ROWS_MAX = 1000, FIRST_HOURS = 12, HOUR_MS = 3600000 };

/* What is told, as a condition over `flow` and as a filter. */
struct telling {
    const char *label, *kind, *id, *where, *filter, *reason;
    uint64_t from_ms, to_ms;
};

static const char *window_sql(struct analysis *a, const struct telling *t)
{
    return arena_format(a->arena,
                        "day >= toDate(toUInt16(%" PRIu64 ")) AND day <= toDate(toUInt16(%" PRIu64
                        ")) AND start_ms >= %" PRIu64 " AND start_ms < %" PRIu64 " AND (%s)",
                        t->from_ms / 86400000, (t->to_ms - 1) / 86400000, t->from_ms, t->to_ms,
                        t->where);
}

static json_t *row_json(struct analysis *a, const struct telling *t, const struct block *b,
                        size_t row)
{
    char text[IP_TEXT_MAX + 1];
    struct ip local = {0};
    struct bytes octets = block_bytes(b, 1, row);
    memcpy(local.octet, octets.at, octets.len < IP_OCTETS ? octets.len : IP_OCTETS);
    text[ip_print(&local, text)] = 0;
    uint32_t service = (uint32_t)block_u64(b, 2, row);
    unsigned role = (unsigned)block_u64(b, 3, row);
    const char *id = service ? symbols_text(a->symbols, SYMBOL_SERVICE, service) : "unknown";
    uint64_t from = t->from_ms + block_u64(b, 0, row) * HOUR_MS;
    uint64_t to = from + HOUR_MS < t->to_ms ? from + HOUR_MS : t->to_ms;
    const char *filter = arena_format(a->arena, "%s and local host %s and service %s%s%s",
                                      t->filter, text, service ? filter_word(a, id) : id,
                                      role ? " and role " : "", role ? role_text(role) : "");
    return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "time", time_json(from),
                     "local", text, "service", id, "role", role ? role_text(role) : "unknown",
                     "flows", count_json(block_f64(b, 4, row)), "octets",
                     count_json(block_f64(b, 5, row)), "first", time_json(block_u64(b, 6, row)),
                     "last", time_json(block_u64(b, 7, row)), "evidence",
                     evidence_window(filter, from, to, block_f64(b, 4, row)));
}

static int ask_rows(struct analysis *a, const struct telling *t, struct block **rows,
                    struct block **all, struct error *err)
{
    const char *window = window_sql(a, t);
    const char *hour =
        arena_format(a->arena, "intDiv(start_ms - %" PRIu64 ", %d)", t->from_ms, HOUR_MS);
    const char *sql = arena_format(
        a->arena,
        "SELECT %s AS h, local, toUInt32(service) AS s, toUInt32(role) AS r, count() AS n, "
        "sum((octets_out + octets_in) * if(sampling = 0, 1, sampling)) AS o, min(start_ms) AS f, "
        "max(end_ms) AS l FROM flow WHERE %s GROUP BY h, local, s, r ORDER BY h, f, local, s, r "
        "LIMIT %d",
        hour, window, ROWS_MAX);
    int status = engine_query(a->engine, sql, rows, err);
    if (status < 0)
        return status;
    sql = arena_format(a->arena,
                       "SELECT uniqExact(%s, local, service, role) AS k, count() AS n FROM flow "
                       "WHERE %s",
                       hour, window);
    return engine_query(a->engine, sql, all, err);
}

static int tell(struct analysis *a, const struct telling *t, json_t *list, struct error *err)
{
    struct block *rows = NULL, *all = NULL;
    int status = ask_rows(a, t, &rows, &all, err);
    if (status == 0) {
        json_t *told = json_array();
        for (size_t i = 0; i < block_rows(rows); i++)
            json_array_append_new(told, row_json(a, t, rows, i));
        double flows = block_rows(all) ? block_f64(all, 1, 0) : 0;
        json_array_append_new(
            list,
            json_pack("{s:s, s:{s:s, s:s}, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "label", t->label,
                      "subject", "kind", t->kind, "id", t->id, "reason", t->reason, "from",
                      time_json(t->from_ms), "to", time_json(t->to_ms), "flows", count_json(flows),
                      "rows_in_all", count_json(block_rows(all) ? block_f64(all, 0, 0) : 0), "rows",
                      told, "evidence", evidence_window(t->filter, t->from_ms, t->to_ms, flows)));
    }
    block_free(rows);
    block_free(all);
    return status;
}

/* --- what the study names --- */

static struct telling named(struct analysis *a, const struct study_timeline *x)
{
    struct telling t = {.label = x->label, .reason = "study", .where = "1", .filter = "any"};
    char net[PREFIX_TEXT_MAX] = "";
    t.from_ms = x->from_ms > a->study->from_ms ? x->from_ms : a->study->from_ms;
    t.to_ms = x->to_ms < a->study->to_ms ? x->to_ms : a->study->to_ms;
    t.kind = x->has_net ? "net" : "service";
    if (x->has_net) {
        prefix_print(&x->net, net);
        t.where = arena_format(a->arena, "(%s OR %s)", range_sql(a, "local", &x->net),
                               range_sql(a, "remote", &x->net));
        t.filter = arena_format(a->arena, "net %s", net);
    }
    t.id = x->has_net ? arena_format(a->arena, "%s", net) : x->service;
    if (x->service[0]) {
        uint32_t code = symbols_find(a->symbols, SYMBOL_SERVICE, x->service, strlen(x->service));
        /* A service that was never met has no code: nothing matches. */
        t.where = arena_format(a->arena, "%s AND service = %u", t.where, code ? code : 65535);
        t.filter = x->has_net ? arena_format(a->arena, "%s and service %s", t.filter,
                                             filter_word(a, x->service))
                              : arena_format(a->arena, "service %s", filter_word(a, x->service));
    }
    return t;
}

/* --- what began --- */

/* The first slot of use in which the subject is met, from a date on; 0 for none. */
static int first_slot(struct analysis *a, const char *column, uint32_t code, const char *from,
                      uint64_t *ret_s, struct error *err)
{
    struct block *b = NULL;
    int status = ask(a, &b, err,
                     "SELECT min(slot) AS s, count() AS n FROM activity WHERE day >= '%s' AND %s "
                     "AND " USAGE " AND %s = %u AND flows > 0",
                     from, a->window, column, code);
    if (status == 0)
        *ret_s = block_rows(b) && block_u64(b, 1, 0) > 0 ? block_u64(b, 0, 0) : 0;
    block_free(b);
    return status;
}

static uint32_t code_of(struct analysis *a, const char *kind, const char *id)
{
    if (strcmp(kind, "country") == 0)
        return country_code(id);
    enum symbol_kind k = strcmp(kind, "service") == 0 ? SYMBOL_SERVICE : SYMBOL_CATEGORY;
    return symbols_find(a->symbols, k, id, strlen(id));
}

static int tell_onset(struct analysis *a, const json_t *onset, json_t *list, struct error *err)
{
    const json_t *subject = json_object_get(onset, "subject");
    const char *kind = json_string_value(json_object_get(subject, "kind"));
    const char *id = json_string_value(json_object_get(subject, "id"));
    const char *change = json_string_value(json_object_get(onset, "change"));
    const char *from = json_string_value(json_object_get(onset, "at_low"));
    bool known = strcmp(kind, "service") == 0 || strcmp(kind, "category") == 0 ||
                 strcmp(kind, "country") == 0;
    uint32_t code = known ? code_of(a, kind, id) : 0;
    uint64_t slot = 0;
    if (strcmp(change, "onset") != 0 || code == 0)
        return 0;
    int status = first_slot(a, kind, code, from, &slot, err);
    if (status < 0 || slot == 0)
        return status;
    /* Hours of the zone's clock. */
    int64_t past = (int64_t)slot + zone_offset_s(a->study->zone, (int64_t)slot);
    struct telling t = {.label = "", .kind = kind, .id = id, .reason = "onset"};
    t.from_ms = (slot - (uint64_t)(past % 3600)) * 1000;
    t.to_ms = t.from_ms + (uint64_t)FIRST_HOURS * HOUR_MS;
    t.to_ms = t.to_ms < a->study->to_ms ? t.to_ms : a->study->to_ms;
    t.where = arena_format(a->arena, USAGE_OF_FLOWS " AND %s = %u", kind, code);
    t.filter = arena_format(a->arena, "%s %s and " USAGE_FILTER "%s", kind, filter_word(a, id),
                            a->study->pivot_count > 0 ? " and not pivot" : "");
    return tell(a, &t, list, err);
}

int timelines_section(struct analysis *a, json_t **ret, struct error *err)
{
    const json_t *onsets = json_object_get(a->model, "onsets");
    json_t *list = json_array();
    int status = 0;
    for (size_t i = 0; i < a->study->timeline_count && status == 0; i++) {
        struct telling t = named(a, &a->study->timelines[i]);
        if (t.from_ms < t.to_ms)
            status = tell(a, &t, list, err);
    }
    for (size_t i = 0; i < json_array_size(onsets) && status == 0; i++)
        status = tell_onset(a, json_array_get(onsets, i), list, err);
    if (status < 0 || json_array_size(list) == 0) {
        json_decref(list);
        list = unsupported("The study names no timeline of its period, and nothing in it began.");
    }
    *ret = list;
    if (status < 0) {
        json_decref(list);
        *ret = NULL;
    }
    return status;
}
