/* SPDX-License-Identifier: Apache-2.0 */
/* TZif files are small and trusted less than they look: every count is checked against the file's
 * length before it is used, and a file with anything out of order is refused as a whole. */
#include "base/zone.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

enum { NAME_MAX_OCTETS = 64, FILE_MAX_OCTETS = 1 << 20, DAY_S = 86400 };

/* When the footer's rule changes the clock: in `year`, seconds of local time after its start. */
struct rule_date {
    enum { RULE_JULIAN, RULE_ZERO_BASED, RULE_MONTH } form;
    int month, week, weekday, day; /* weekday: 0 is Sunday, as POSIX counts */
    int32_t time_s;
};

/* The POSIX TZ string of the footer (RFC 8536 section 3.3): times after the last transition. */
struct rule {
    bool present, has_dst;
    int32_t std_offset_s, dst_offset_s;
    struct rule_date to_dst, to_std;
};

struct zone {
    char name[NAME_MAX_OCTETS + 1];
    size_t count;
    int64_t *at_s;          /* transitions, ascending */
    int32_t *offset_s;      /* from that transition on */
    int32_t first_offset_s; /* before the first */
    struct rule rule;
    int32_t *offsets; /* each offset that occurs, once, descending */
    size_t offset_count;
};

/* ---- civil calendar ---- */

static int64_t days_before_year(int64_t year)
{
    int64_t y = year - 1;
    int64_t leaps = (y >= 0 ? y / 4 : (y - 3) / 4) - (y >= 0 ? y / 100 : (y - 99) / 100) +
                    (y >= 0 ? y / 400 : (y - 399) / 400);
    return 365 * y + leaps - 719162; /* days from 0001-01-01 to 1970-01-01 */
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static const uint16_t days_before_month[2][13] = {
    {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365},
    {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366},
};

int32_t date_to_day(int year, int month, int day_of_month)
{
    /* Months outside 1..12 carry into the year, as days outside the month carry into months. */
    int64_t m = (int64_t)month - 1, y = year + (m >= 0 ? m / 12 : (m - 11) / 12);
    m = ((m % 12) + 12) % 12;
    return (int32_t)(days_before_year(y) + days_before_month[is_leap(y)][m] + day_of_month - 1);
}

void day_to_date(int32_t day, int *year, int *month, int *day_of_month)
{
    int64_t y = 1970 + (int64_t)((double)day / 365.2425);
    while (days_before_year(y) > day)
        y--;
    while (days_before_year(y + 1) <= day)
        y++;
    int rest = (int)(day - days_before_year(y)), m = 1;
    while (days_before_month[is_leap(y)][m] <= rest)
        m++;
    *year = (int)y;
    *month = m;
    *day_of_month = rest - days_before_month[is_leap(y)][m - 1] + 1;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int day_weekday(int32_t day)
{
    int64_t w = ((int64_t)day + 3) % 7; /* 1970-01-01 was a Thursday */
    return (int)(w < 0 ? w + 7 : w);
}

/* ---- the footer's rule ---- */

struct scan {
    const char *at, *end;
    bool failed;
};

static bool scan_is(struct scan *s, char c)
{
    if (s->at < s->end && *s->at == c) {
        s->at++;
        return true;
    }
    return false;
}

static int scan_number(struct scan *s, int max)
{
    int value = 0;
    const char *start = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9' && value <= max)
        value = value * 10 + (*s->at++ - '0');
    if (s->at == start || value > max)
        s->failed = true;
    return value;
}

/* [+-]hh[:mm[:ss]]; hours to 167 by RFC 8536 section 3.3.1. */
static int32_t scan_time_s(struct scan *s)
{
    bool negative = scan_is(s, '-');
    if (!negative)
        scan_is(s, '+');
    int32_t time_s = scan_number(s, 167) * 3600;
    if (scan_is(s, ':')) {
        time_s += scan_number(s, 59) * 60;
        if (scan_is(s, ':'))
            time_s += scan_number(s, 59);
    }
    return negative ? -time_s : time_s;
}

static void scan_abbreviation(struct scan *s)
{
    const char *start = s->at;
    if (scan_is(s, '<')) {
        while (s->at < s->end && *s->at != '>')
            s->at++;
        if (!scan_is(s, '>'))
            s->failed = true;
        return;
    }
    while (s->at < s->end && ((*s->at | 0x20) >= 'a' && (*s->at | 0x20) <= 'z'))
        s->at++;
    if (s->at - start < 3)
        s->failed = true;
}

static struct rule_date scan_rule_date(struct scan *s)
{
    struct rule_date d = {.form = RULE_ZERO_BASED, .time_s = 7200};
    if (!scan_is(s, ','))
        s->failed = true;
    if (scan_is(s, 'M')) {
        d.form = RULE_MONTH;
        d.month = scan_number(s, 12);
        s->failed |= !scan_is(s, '.') || d.month < 1;
        d.week = scan_number(s, 5);
        s->failed |= !scan_is(s, '.') || d.week < 1;
        d.weekday = scan_number(s, 6);
    } else {
        d.form = scan_is(s, 'J') ? RULE_JULIAN : RULE_ZERO_BASED;
        d.day = scan_number(s, 365);
        s->failed |= d.form == RULE_JULIAN && d.day < 1;
    }
    if (scan_is(s, '/'))
        d.time_s = scan_time_s(s);
    return d;
}

static bool parse_rule(const char *text, size_t len, struct rule *ret)
{
    struct scan s = {text, text + len, false};
    struct rule r = {.present = len > 0};
    if (len > 0) {
        scan_abbreviation(&s);
        r.std_offset_s = -scan_time_s(&s);
        if (s.at < s.end) {
            r.has_dst = true;
            scan_abbreviation(&s);
            r.dst_offset_s = r.std_offset_s + 3600;
            if (s.at < s.end && *s.at != ',')
                r.dst_offset_s = -scan_time_s(&s);
            r.to_dst = scan_rule_date(&s);
            r.to_std = scan_rule_date(&s);
        }
        if (s.failed || s.at != s.end)
            return false;
    }
    *ret = r;
    return true;
}

/* Local seconds (as if UTC) of a rule's date in a year. */
static int64_t rule_date_s(const struct rule_date *d, int64_t year)
{
    int64_t day = days_before_year(year);
    bool leap = is_leap(year);
    if (d->form == RULE_ZERO_BASED) {
        day += d->day;
    } else if (d->form == RULE_JULIAN) { /* 29 February is never counted */
        day += d->day - 1 + (leap && d->day >= 60);
    } else {
        const uint16_t *months = days_before_month[leap];
        int64_t first = day + months[d->month - 1];
        int posix_weekday = (day_weekday((int32_t)first) + 1) % 7;
        int of_month = (d->weekday - posix_weekday + 7) % 7 + (d->week - 1) * 7;
        int length = months[d->month] - months[d->month - 1];
        while (of_month >= length) /* week 5 is the last of the month */
            of_month -= 7;
        day = first + of_month;
    }
    return day * DAY_S + d->time_s;
}

static int32_t rule_offset_s(const struct rule *r, int64_t utc_s)
{
    if (!r->has_dst)
        return r->std_offset_s;
    int year, month, of_month;
    day_to_date((int32_t)floor_div(utc_s + r->std_offset_s, DAY_S), &year, &month, &of_month);
    int64_t to_dst = rule_date_s(&r->to_dst, year) - r->std_offset_s;
    int64_t to_std = rule_date_s(&r->to_std, year) - r->dst_offset_s;
    bool dst =
        to_dst < to_std ? utc_s >= to_dst && utc_s < to_std : utc_s >= to_dst || utc_s < to_std;
    return dst ? r->dst_offset_s : r->std_offset_s;
}

/* ---- TZif ---- */

struct tzif_header {
    uint8_t version;
    uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
};

enum { TZIF_HEADER_OCTETS = 44 };

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be_time(const uint8_t *p, size_t octets)
{
    if (octets == 4)
        return (int32_t)be32(p);
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool read_header(struct bytes b, struct tzif_header *h)
{
    if (b.len < TZIF_HEADER_OCTETS || memcmp(b.at, "TZif", 4) != 0)
        return false;
    const uint8_t *p = b.at + 20;
    *h = (struct tzif_header){b.at[4],      be32(p),      be32(p + 4), be32(p + 8),
                              be32(p + 12), be32(p + 16), be32(p + 20)};
    return h->typecnt > 0 && h->typecnt <= 256;
}

static uint64_t block_octets(const struct tzif_header *h, size_t time_octets)
{
    return (uint64_t)h->timecnt * (time_octets + 1) + (uint64_t)h->typecnt * 6 + h->charcnt +
           (uint64_t)h->leapcnt * (time_octets + 4) + h->isstdcnt + h->isutcnt;
}

static bool read_block(struct zone *z, const struct tzif_header *h, const uint8_t *p,
                       size_t time_octets)
{
    const uint8_t *indexes = p + (size_t)h->timecnt * time_octets;
    const uint8_t *types = indexes + h->timecnt;
    z->at_s = memory_array(h->timecnt, sizeof *z->at_s);
    z->offset_s = memory_array(h->timecnt, sizeof *z->offset_s);
    z->first_offset_s = (int32_t)be32(types);
    for (uint32_t i = 0; i < h->typecnt; i++) {
        int32_t offset = (int32_t)be32(types + 6 * i);
        if (offset < -26 * 3600 || offset > 26 * 3600)
            return false;
    }
    for (uint32_t i = 0; i < h->timecnt; i++) {
        z->at_s[i] = be_time(p + i * time_octets, time_octets);
        if (indexes[i] >= h->typecnt || (i > 0 && z->at_s[i] <= z->at_s[i - 1]))
            return false;
        z->offset_s[i] = (int32_t)be32(types + 6 * indexes[i]);
    }
    z->count = h->timecnt;
    return true;
}

static bool read_tzif(struct zone *z, struct bytes b)
{
    struct tzif_header h;
    if (!read_header(b, &h) || block_octets(&h, 4) > b.len - TZIF_HEADER_OCTETS)
        return false;
    if (h.version == 0)
        return read_block(z, &h, b.at + TZIF_HEADER_OCTETS, 4);
    /* From version 2 on, a second header and block with 64-bit times follow. */
    b = bytes_slice(b, TZIF_HEADER_OCTETS + (size_t)block_octets(&h, 4), SIZE_MAX);
    if (!read_header(b, &h) || block_octets(&h, 8) > b.len - TZIF_HEADER_OCTETS)
        return false;
    if (!read_block(z, &h, b.at + TZIF_HEADER_OCTETS, 8))
        return false;
    b = bytes_slice(b, TZIF_HEADER_OCTETS + (size_t)block_octets(&h, 8), SIZE_MAX);
    if (b.len < 2 || b.at[0] != '\n')
        return false;
    const uint8_t *end = memchr(b.at + 1, '\n', b.len - 1);
    return end && parse_rule((const char *)b.at + 1, (size_t)(end - b.at - 1), &z->rule);
}

static int descending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void collect_offsets(struct zone *z)
{
    int32_t *all = memory_array(z->count + 3, sizeof *all);
    size_t n = 0;
    all[n++] = z->first_offset_s;
    for (size_t i = 0; i < z->count; i++)
        all[n++] = z->offset_s[i];
    if (z->rule.present)
        all[n++] = z->rule.std_offset_s;
    if (z->rule.has_dst)
        all[n++] = z->rule.dst_offset_s;
    qsort(all, n, sizeof *all, descending);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || all[i] != all[i - 1])
            all[z->offset_count++] = all[i];
    z->offsets = all;
}

/* IANA names only: nothing that could leave the zone folder. */
static bool name_is_sound(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_OCTETS || name[0] == '/' || name[len - 1] == '/')
        return false;
    if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != len)
        return false;
    return strstr(name, "//") == NULL;
}

static int read_zone_file(const char *name, uint8_t **ret, size_t *ret_len, struct error *err)
{
    const char *dir = getenv("TZDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : "/usr/share/zoneinfo", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return error_set(err, ERROR_FAILED, "unknown time zone \"%s\" (no %s)", name, path);
    uint8_t *data = memory_alloc(FILE_MAX_OCTETS);
    size_t len = fread(data, 1, FILE_MAX_OCTETS, f);
    bool failed = ferror(f) || len == FILE_MAX_OCTETS;
    fclose(f);
    if (failed) { /* a folder reads as an error, as in "Asia" */
        free(data);
        return error_set(err, ERROR_FAILED, "unknown time zone \"%s\" (%s is not a zone file)",
                         name, path);
    }
    *ret = data;
    *ret_len = len;
    return 0;
}

int zone_open(const char *name, struct zone **ret, struct error *err)
{
    assert(name); /* also tells gcc, which doubts it under -fsanitize */
    if (!name_is_sound(name))
        return error_set(
            err, ERROR_FAILED,
            "unknown time zone \"%s\" (a name such as Asia/Pyongyang or UTC is needed)", name);
    struct zone *z = memory_alloc(sizeof *z);
    snprintf(z->name, sizeof z->name, "%s", name);
    if (strcmp(name, "UTC") != 0) { /* which works without tzdata */
        uint8_t *data = NULL;
        size_t len = 0;
        int status = read_zone_file(name, &data, &len, err);
        if (status == 0 && !read_tzif(z, bytes_of(data, len)))
            status = error_set(err, ERROR_FAILED, "time zone \"%s\": not a sound TZif file", name);
        free(data);
        if (status != 0) {
            zone_free(z);
            return status;
        }
    }
    collect_offsets(z);
    *ret = z;
    return 0;
}

void zone_free(struct zone *z)
{
    if (!z)
        return;
    free(z->at_s);
    free(z->offset_s);
    free(z->offsets);
    free(z);
}

const char *zone_name(const struct zone *z)
{
    return z->name;
}

int32_t zone_offset_s(const struct zone *z, int64_t utc_s)
{
    if (z->count == 0 && !z->rule.present)
        return z->first_offset_s;
    if (z->count > 0 && utc_s < z->at_s[0])
        return z->first_offset_s;
    if (z->rule.present && (z->count == 0 || utc_s >= z->at_s[z->count - 1]))
        return rule_offset_s(&z->rule, utc_s);
    size_t low = 0, high = z->count;
    while (high - low > 1) {
        size_t mid = (low + high) / 2;
        if (z->at_s[mid] <= utc_s)
            low = mid;
        else
            high = mid;
    }
    return z->offset_s[low];
}

int64_t zone_change_s(const struct zone *z, int64_t low_s, int64_t high_s)
{
    int32_t before = zone_offset_s(z, low_s);
    while (high_s - low_s > 1) {
        int64_t mid = low_s + (high_s - low_s) / 2;
        if (zone_offset_s(z, mid) == before)
            low_s = mid;
        else
            high_s = mid;
    }
    return high_s;
}

int64_t zone_to_utc_s(const struct zone *z, int64_t local_s)
{
    /* Largest offset first: the earliest of the moments that show this local time. */
    for (size_t i = 0; i < z->offset_count; i++) {
        int64_t utc_s = local_s - z->offsets[i];
        if (zone_offset_s(z, utc_s) == z->offsets[i])
            return utc_s;
    }
    /* A gap. Below `low` local clocks show less than local_s, from `high` on more: the change
     * between them is the first moment after the gap. */
    int64_t low = local_s - z->offsets[0], high = local_s - z->offsets[z->offset_count - 1];
    while (high - low > 1) {
        int64_t mid = low + (high - low) / 2;
        if (mid + zone_offset_s(z, mid) < local_s)
            low = mid;
        else
            high = mid;
    }
    return high;
}

int64_t zone_day_start_s(const struct zone *z, int32_t day)
{
    return zone_to_utc_s(z, (int64_t)day * DAY_S);
}

int32_t zone_day(const struct zone *z, int64_t utc_s)
{
    return (int32_t)floor_div(utc_s + zone_offset_s(z, utc_s), DAY_S);
}

/* ---- text ---- */

size_t date_print(int32_t day, char text[TIME_TEXT_MAX])
{
    int y, m, d;
    day_to_date(day, &y, &m, &d);
    return (size_t)snprintf(text, TIME_TEXT_MAX, "%04d-%02d-%02d", y, m, d);
}

size_t time_print_ms(uint64_t ms, char text[TIME_TEXT_MAX])
{
    /* Year 9999 is the end of RFC 3339. */
    const uint64_t last_ms = 253402300799999u;
    if (ms > last_ms)
        ms = last_ms;
    size_t len = date_print((int32_t)(ms / 1000 / DAY_S), text);
    unsigned s = (unsigned)(ms / 1000 % DAY_S);
    return len + (size_t)snprintf(text + len, TIME_TEXT_MAX - len, "T%02u:%02u:%02u.%03uZ",
                                  s / 3600, s / 60 % 60, s % 60, (unsigned)(ms % 1000));
}

/* Exactly `digits` digits in [min, max]. */
static int scan_fixed(struct scan *s, int digits, int min, int max)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (s->at == s->end || *s->at < '0' || *s->at > '9') {
            s->failed = true;
            return min;
        }
        value = value * 10 + (*s->at++ - '0');
    }
    if (value < min || value > max)
        s->failed = true;
    return value;
}

static int32_t scan_date(struct scan *s)
{
    int year = scan_fixed(s, 4, 1, 9999);
    s->failed |= !scan_is(s, '-');
    int month = scan_fixed(s, 2, 1, 12);
    s->failed |= !scan_is(s, '-');
    int day = scan_fixed(s, 2, 1, 31);
    if (s->failed || date_to_day(year, month, day) >= date_to_day(year, month + 1, 1))
        s->failed = true;
    return s->failed ? 0 : date_to_day(year, month, day);
}

int date_parse(const char *text, size_t len, int32_t *ret_day)
{
    struct scan s = {text, text + len, false};
    int32_t day = scan_date(&s);
    if (s.failed || s.at != s.end)
        return -1;
    *ret_day = day;
    return 0;
}

/* "hh:mm[:ss[.fraction]]" as ms of the day. */
static int64_t scan_clock_ms(struct scan *s)
{
    int64_t seconds = scan_fixed(s, 2, 0, 24) * 3600;
    s->failed |= !scan_is(s, ':');
    seconds += scan_fixed(s, 2, 0, 59) * 60;
    int64_t ms = 0;
    if (scan_is(s, ':')) {
        seconds += scan_fixed(s, 2, 0, 60);
        if (scan_is(s, '.')) {
            int64_t unit = 100;
            const char *start = s->at;
            for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++, unit /= 10)
                ms += (*s->at - '0') * unit;
            s->failed |= s->at == start;
        }
    }
    s->failed |= seconds > DAY_S; /* 24:00 is the day's end, nothing after it */
    return seconds * 1000 + ms;
}

/* The offset's seconds in `offset_s`, or false when the text has none. */
static bool scan_offset(struct scan *s, int32_t *offset_s)
{
    *offset_s = 0;
    if (scan_is(s, 'Z') || scan_is(s, 'z'))
        return true;
    bool negative = s->at < s->end && *s->at == '-';
    if (!scan_is(s, '-') && !scan_is(s, '+'))
        return false;
    int32_t value = scan_fixed(s, 2, 0, 23) * 3600;
    scan_is(s, ':');
    value += scan_fixed(s, 2, 0, 59) * 60;
    *offset_s = negative ? -value : value;
    return true;
}

static int64_t scan_civil_ms(struct scan *s, const struct zone *z)
{
    int64_t local_s = (int64_t)scan_date(s) * DAY_S, ms = 0;
    int32_t offset_s = 0;
    bool has_offset = false;
    if (scan_is(s, 'T') || scan_is(s, 't') || scan_is(s, ' ')) {
        ms = scan_clock_ms(s);
        scan_is(s, ' ');
        has_offset = scan_offset(s, &offset_s);
    }
    if (s->failed)
        return -1;
    local_s += ms / 1000;
    int64_t utc_s = has_offset || !z ? local_s - offset_s : zone_to_utc_s(z, local_s);
    return utc_s * 1000 + ms % 1000;
}

/* "now", "now-24h", "now+30m": units s m h d w. */
static int64_t scan_now_ms(struct scan *s, uint64_t now_ms)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', DAY_S}, {'w', 7 * DAY_S}};
    s->at += 3;
    if (s->at == s->end)
        return (int64_t)now_ms;
    bool back = *s->at == '-';
    if (!scan_is(s, '-') && !scan_is(s, '+'))
        s->failed = true;
    int64_t value = scan_number(s, 100000000);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (scan_is(s, units[i].unit)) {
            int64_t delta = value * units[i].seconds * 1000;
            return (int64_t)now_ms + (back ? -delta : delta);
        }
    s->failed = true;
    return -1;
}

static int64_t scan_epoch_ms(struct scan *s)
{
    uint64_t value = 0;
    size_t digits = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9' && digits < 15; s->at++, digits++)
        value = value * 10 + (uint64_t)(*s->at - '0');
    /* Seconds of 12 digits would be past the year 5138: from there on it is ms. */
    return (int64_t)(digits < 12 ? value * 1000 : value);
}

int time_parse_ms(const char *text, size_t len, const struct zone *z, uint64_t now_ms,
                  uint64_t *ret_ms)
{
    struct scan s = {text, text + len, false};
    int64_t ms;
    if (len == 0)
        return -1;
    if (len >= 3 && memcmp(text, "now", 3) == 0)
        ms = scan_now_ms(&s, now_ms);
    else if (len > 4 && text[4] == '-')
        ms = scan_civil_ms(&s, z);
    else
        ms = scan_epoch_ms(&s);
    if (s.failed || s.at != s.end || ms < 0)
        return -1;
    *ret_ms = (uint64_t)ms;
    return 0;
}
