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

/* A 32-bit count of ms since `init_ms`, in the round of it that lies nearest to the export. */
static uint64_t since_init(uint64_t init_ms, uint32_t value, uint64_t export_ms)
{
    int64_t elapsed = (int64_t)(export_ms - init_ms);
    int32_t ahead = (int32_t)(value - (uint32_t)elapsed);
    return (uint64_t)((int64_t)export_ms + ahead);
}

/* Modulo 2^32 ms a moment is up to 49.7 days before the header's, or up to a day after it. */
static uint64_t from_uptime(uint32_t value, const struct time_base *base)
{
    uint32_t ahead = value - base->uptime_ms;
    if (ahead <= DAY_MS)
        return base->export_ms + ahead;
    return base->export_ms - (uint32_t)(base->uptime_ms - value);
}

static void convert_uptime(const struct times *t, uint64_t *values, size_t count,
                           const struct time_base *base)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t init_ms = t->has_init ? t->init_ms[i] : base->init_ms;
        if (!t->has_init && base->has_uptime)
            values[i] = from_uptime((uint32_t)values[i], base);
        else if (init_ms)
            values[i] = since_init(init_ms, (uint32_t)values[i], base->export_ms);
        else
            values[i] = 0;
    }
}

void times_convert(const struct times *t, uint64_t *values, size_t count, enum ie_form form,
                   const struct time_base *base)
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
    case FORM_UPTIME:
        convert_uptime(t, values, count, base);
        break;
    default:
        break;
    }
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
