/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/table_value.h"

#include <string.h>

#include "base/zone.h"

#define LATEST_MS UINT64_C(4102444800000) /* 2100-01-01: later is no time but a wrong unit */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

struct bytes value_trimmed(struct bytes b)
{
    while (b.len && (b.at[0] == ' ' || b.at[0] == '\t'))
        b.at++, b.len--;
    while (b.len && (b.at[b.len - 1] == ' ' || b.at[b.len - 1] == '\t'))
        b.len--;
    return b;
}

bool value_absent(struct bytes b)
{
    static const char *const absent[] = {"-", "(empty)", "null", "NULL", "\\N"};
    if (b.len == 0)
        return true;
    if (b.len > 7)
        return false;
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (bytes_equal(b, bytes_of_text(absent[i])))
            return true;
    return false;
}

static int hex_digit(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_number(struct bytes b, uint64_t *ret)
{
    uint64_t value = 0;
    if (b.len == 0 || b.len > 16)
        return false;
    for (size_t i = 0; i < b.len; i++) {
        int digit = hex_digit(b.at[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *ret = value;
    return true;
}

/* Decimal digits at the start of `b`, which moves past them. */
static bool take_digits(struct bytes *b, size_t at_most, uint64_t *ret)
{
    uint64_t value = 0;
    size_t len = 0;
    while (len < b->len && len < at_most && is_digit(b->at[len])) {
        uint64_t digit = (uint64_t)(b->at[len++] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (len == 0)
        return false;
    *b = bytes_slice(*b, len, b->len);
    *ret = value;
    return true;
}

static bool take(struct bytes *b, char c)
{
    if (b->len == 0 || b->at[0] != (uint8_t)c)
        return false;
    *b = bytes_slice(*b, 1, b->len);
    return true;
}

bool value_number(struct bytes b, uint64_t *ret)
{
    uint64_t value;
    if (b.len > 2 && b.at[0] == '0' && (b.at[1] | 0x20) == 'x')
        return hex_number(bytes_slice(b, 2, b.len), ret);
    if (!take_digits(&b, b.len, &value))
        return false;
    if (take(&b, '.'))
        while (take(&b, '0'))
            ;
    if (b.len)
        return false;
    *ret = value;
    return true;
}

/* What follows the decimal point as `places` digits: ".5" is 500 with three. */
static bool take_fraction(struct bytes *b, int places, uint64_t *ret)
{
    uint64_t value = 0;
    if (take(b, '.') || take(b, ',')) {
        if (b->len == 0 || !is_digit(b->at[0]))
            return false;
        while (b->len && is_digit(b->at[0])) {
            if (places-- > 0)
                value = value * 10 + (uint64_t)(b->at[0] - '0');
            *b = bytes_slice(*b, 1, b->len);
        }
    }
    while (places-- > 0)
        value *= 10;
    *ret = value;
    return true;
}

static bool epoch(struct bytes b, uint64_t *ret_ms)
{
    uint64_t whole, ms;
    if (!take_digits(&b, b.len, &whole) || !take_fraction(&b, 3, &ms) || b.len)
        return false;
    if (whole < UINT64_C(100000000000))
        *ret_ms = whole * 1000 + ms;
    else if (whole < UINT64_C(100000000000000))
        *ret_ms = whole;
    else if (whole < UINT64_C(100000000000000000))
        *ret_ms = whole / 1000;
    else
        *ret_ms = whole / 1000000;
    return *ret_ms < LATEST_MS;
}

/* "Z", "+09:00", "+0900", "+09" or nothing (UTC), as seconds east. */
static bool take_offset(struct bytes *b, int64_t *ret_s)
{
    uint64_t hours, minutes = 0;
    *ret_s = 0;
    if (b->len == 0 || take(b, 'Z') || take(b, 'z'))
        return true;
    while (take(b, ' '))
        ;
    int64_t sign = take(b, '-') ? -1 : take(b, '+') ? 1 : 0;
    if (sign == 0) {
        bool utc = bytes_equal(*b, bytes_of_text("UTC")) || bytes_equal(*b, bytes_of_text("GMT"));
        b->len = utc ? 0 : b->len;
        return utc;
    }
    if (!take_digits(b, 2, &hours) || hours > 23)
        return false;
    take(b, ':');
    if (b->len && (!take_digits(b, 2, &minutes) || minutes > 59))
        return false;
    *ret_s = sign * (int64_t)(hours * 3600 + minutes * 60);
    return true;
}

static bool is_date(int year, int month, int day_of_month, int32_t *ret_day)
{
    int y, m, d;
    if (year < 1970 || month < 1 || month > 12 || day_of_month < 1 || day_of_month > 31)
        return false;
    *ret_day = date_to_day(year, month, day_of_month);
    day_to_date(*ret_day, &y, &m, &d);
    return m == month && d == day_of_month; /* not 30 February */
}

static bool calendar(struct bytes b, uint64_t *ret_ms)
{
    uint64_t year, month, day_of_month, hour = 0, minute = 0, second = 0, ms = 0;
    int64_t east_s = 0;
    int32_t day;
    if (!take_digits(&b, 4, &year) || !(take(&b, '-') || take(&b, '/')) ||
        !take_digits(&b, 2, &month) || !(take(&b, '-') || take(&b, '/')) ||
        !take_digits(&b, 2, &day_of_month) ||
        !is_date((int)year, (int)month, (int)day_of_month, &day))
        return false;
    if (take(&b, 'T') || take(&b, 't') || take(&b, ' ')) {
        if (!take_digits(&b, 2, &hour) || !take(&b, ':') || !take_digits(&b, 2, &minute))
            return false;
        if (take(&b, ':') && (!take_digits(&b, 2, &second) || !take_fraction(&b, 3, &ms)))
            return false;
        if (hour > 23 || minute > 59 || second > 60 || !take_offset(&b, &east_s))
            return false;
    }
    int64_t s = (int64_t)day * 86400 + (int64_t)(hour * 3600 + minute * 60 + second) - east_s;
    if (b.len || s < 0 || (uint64_t)s >= LATEST_MS / 1000)
        return false;
    *ret_ms = (uint64_t)s * 1000 + ms;
    return true;
}

bool value_moment(struct bytes b, uint64_t *ret_ms)
{
    uint64_t ms;
    bool is_calendar = b.len > 7 && (b.at[4] == '-' || b.at[4] == '/');
    if (is_calendar ? !calendar(b, &ms) : !epoch(b, &ms))
        return false;
    *ret_ms = ms;
    return true;
}

bool value_duration(struct bytes b, uint64_t *ret_ms)
{
    uint64_t s = 0, part, ms;
    do {
        if (!take_digits(&b, 12, &part) || s > UINT32_MAX)
            return false;
        s = s * 60 + part;
    } while (take(&b, ':'));
    if (!take_fraction(&b, 3, &ms) || b.len || s > LATEST_MS / 1000)
        return false;
    *ret_ms = s * 1000 + ms;
    return true;
}

bool value_tcp_flags(struct bytes b, bool is_hex, uint8_t *ret)
{
    static const char letters[] = "FSRPAUEC";
    uint64_t number;
    uint8_t flags = 0;
    if (is_hex ? hex_number(b, &number) : value_number(b, &number)) {
        if (number > 0xffff)
            return false;
        *ret = (uint8_t)number; /* NS and reserved bits, which some export, are not ours */
        return true;
    }
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.at[i];
        c = c >= 'a' && c <= 'z' ? (uint8_t)(c - 0x20) : c;
        const char *letter = c ? strchr(letters, c) : NULL;
        if (letter)
            flags |= (uint8_t)(1u << (letter - letters));
        else if (c == 'W') /* CWR, as Argus and tcpdump have it */
            flags |= 0x80;
        else if (c != '.' && c != '-' && c != ' ' && c != '|' && c != ',' && c != '_')
            return false;
    }
    *ret = flags;
    return true;
}
