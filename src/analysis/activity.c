/* SPDX-License-Identifier: Apache-2.0 */
/* Use by day of the zone, and by hour of the study (its i-th hour from the first midnight on). */
#include "analysis/section.h"

static json_t *daily_json(struct analysis *a, const struct counts *hosts)
{
    json_t *daily = json_array();
    for (size_t i = a->series_from; i < a->series_to; i++) {
        const struct amounts *x = &a->usage[i];
        uint32_t day = (uint32_t)(a->study->from_day + (int32_t)i);
        json_t *roles = json_object();
        for (int r = 1; r < ROLES; r++)
            json_object_set_new(roles, role_text((unsigned)r), count_json(a->by_role[r][i].flows));
        json_array_append_new(
            daily, json_pack("{s:o, s:o, s:o, s:o, s:I, s:o}", "date", date_json((int32_t)day),
                             "flows", count_json(x->flows), "octets", count_json(x->octets),
                             "packets", count_json(x->packets), "local_hosts",
                             (json_int_t)counts_get(hosts->a, hosts, day), "by_role", roles));
    }
    return daily;
}

static json_t *hourly_json(struct analysis *a)
{
    size_t hours = series_hours(a);
    uint64_t from = series_from_s(a), to = from + hours * 3600;
    if (series_too_long(a))
        return unsupported_phrase(SAY(a, M_SERIES_LONG,
                                      word_count((double)(a->series_to - a->series_from)),
                                      word_setting(SERIES_DAYS_MAX)));
    struct amounts *x = arena_array(a->arena, hours + 1, sizeof(*x));
    json_t *hourly = json_array();
    for (size_t i = 0; i < a->slot_count; i++)
        if (a->slot_start[i] >= from && a->slot_start[i] < to)
            amounts_add(&x[(a->slot_start[i] - from) / 3600], &a->slots[i]);
    for (size_t i = 0; i < hours; i++)
        json_array_append_new(
            hourly, json_pack("{s:o, s:o, s:o, s:o}", "time", time_json((from + i * 3600) * 1000),
                              "flows", count_json(x[i].flows), "octets", count_json(x[i].octets),
                              "packets", count_json(x[i].packets)));
    return hourly;
}

int activity_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct counts hosts;
    int status = counts_ask(a, &hosts, err,
                            "SELECT toUInt32(toUInt16(day)) AS k, uniqExact(local) AS l FROM daily "
                            "WHERE %s AND " USAGE " GROUP BY k ORDER BY k",
                            a->window);
    if (status < 0)
        return status;
    int32_t first = a->study->from_day + (int32_t)a->series_from;
    int32_t last = a->study->from_day + (int32_t)a->series_to - 1;
    *ret =
        json_pack("{s:[s,s], s:o, s:o, s:o, s:o, s:o}", "roles", "consumed", "peer", "from",
                  date_json(first), "to", date_json(last), "daily", daily_json(a, &hosts), "hourly",
                  hourly_json(a), "evidence", evidence_json(a, USAGE_FILTER, a->usage_total.flows));
    return 0;
}
