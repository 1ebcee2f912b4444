/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/times.h"

#include "schema/values.h"

static const uint64_t NTP_TO_UNIX_S = 2208988800u;

static bool sane(uint64_t ms, const struct time_base *base)
{
    return ms >= TIME_LEAST_MS && ms <= base->export_ms + DAY_MS;
}

/* RFC 7011 section 6.1.9. NTP's seconds wrap in 2036 (RFC 5905 section 6). Citrix and others write
 * a count of microseconds or nanoseconds since 1970 into these elements: taken as such where the
 * right reading is impossible and that one is not. */
static uint64_t from_ntp(uint64_t value, const struct time_base *base)
{
    if (value == 0)
        return 0;
    uint64_t s = value >> 32;
    s = s >= NTP_TO_UNIX_S ? s - NTP_TO_UNIX_S : s + (UINT64_C(1) << 32) - NTP_TO_UNIX_S;
    uint64_t ms = s * 1000 + ((value & UINT32_MAX) * 1000 >> 32);
    if (sane(ms, base))
        return ms;
    if (sane(value / 1000, base))
        return value / 1000;
    if (sane(value / 1000000, base))
        return value / 1000000;
    return ms;
}

/* A 32-bit uptime as a time: modulo 2^32 ms, the moment nearest to the export. A flow is exported
 * soon after its end, so what is more than a day off is not relative to that uptime (seen with
 * FortiOS 5.2): 0, it tells nothing. */
static uint64_t from_uptime(uint32_t value, uint64_t init_ms, const struct time_base *base)
{
    uint32_t now = init_ms ? (uint32_t)(base->export_ms - init_ms) : base->uptime_ms;
    int32_t ahead = (int32_t)(value - now);
    if (ahead > DAY_MS || ahead < -DAY_MS)
        return 0;
    return (uint64_t)((int64_t)base->export_ms + ahead);
}

/* The end is placed near the export and the start before the end, so that a wrap of the 32 bits
 * between the two, or between them and the export, does not matter. */
static void convert_uptimes(struct times *t, size_t count, const struct time_base *base, bool start,
                            bool end)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t first = (uint32_t)t->start_ms[i], last = (uint32_t)t->end_ms[i];
        uint64_t init_ms = t->has_init ? t->init_ms[i] : base->has_uptime ? 0 : base->init_ms;
        bool known = init_ms || (base->has_uptime && !t->has_init);
        if (end) {
            t->end_ms[i] = known ? from_uptime(last, init_ms, base) : 0;
            if (start)
                t->start_ms[i] =
                    t->end_ms[i] ? t->end_ms[i] - (uint64_t)(int32_t)(last - first) : 0;
        } else if (start) {
            t->start_ms[i] = known ? from_uptime(first, init_ms, base) : 0;
        }
    }
}

static void convert_column(uint64_t *values, size_t count, int form, const struct time_base *base)
{
    switch (form) {
    case FORM_S:
        for (size_t i = 0; i < count; i++)
            values[i] *= 1000;
        break;
    case FORM_NTP:
        for (size_t i = 0; i < count; i++)
            values[i] = from_ntp(values[i], base);
        break;
    case FORM_DELTA_US:
        for (size_t i = 0; i < count; i++)
            values[i] = base->export_ms - (values[i] + 999) / 1000;
        break;
    default:
        break;
    }
}

void times_convert(struct times *t, size_t count, int start_form, int end_form,
                   const struct time_base *base)
{
    convert_column(t->start_ms, count, start_form, base);
    convert_column(t->end_ms, count, end_form, base);
    if (start_form == FORM_UPTIME || end_form == FORM_UPTIME)
        convert_uptimes(t, count, base, start_form == FORM_UPTIME, end_form == FORM_UPTIME);
}

void times_add(struct times *t, const uint64_t *durations, size_t count, enum ie_form form)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t ms = form == FORM_US ? durations[i] / 1000 : durations[i];
        if (t->start_ms[i] && ms < TIME_MOST_MS)
            t->end_ms[i] = t->start_ms[i] + ms;
    }
}

size_t times_settle(struct times *t, size_t count, const struct time_base *base, uint16_t *pick)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t start = t->start_ms[i], end = t->end_ms[i];
        uint16_t marks = 0;
        if (!start && !end) {
            start = end = base->export_ms;
            marks = MARK_EXPORT_TIME;
        }
        start = start ? start : end;
        end = end ? end : start;
        t->start_ms[kept] = start < end ? start : end;
        t->end_ms[kept] = start < end ? end : start;
        t->marks[kept] = marks;
        pick[kept] = (uint16_t)i;
        kept += sane(start, base) && sane(end, base);
    }
    return kept;
}
