/* SPDX-License-Identifier: Apache-2.0 */
#include "study/value.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    uint64_t ms;
} units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
             {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};

int duration_parse_ms(const char *text, size_t len, uint64_t *ret_ms)
{
    uint64_t total_ms = 0;
    size_t at = 0;
    if (len == 0 || len > 32)
        return -1;
    if (len == 1 && text[0] == '0') {
        *ret_ms = 0;
        return 0;
    }
    while (at < len) {
        uint64_t value = 0;
        size_t digits = 0, letters = 0, unit = 0;
        for (; at < len && text[at] >= '0' && text[at] <= '9' && digits < 10; at++, digits++)
            value = value * 10 + (uint64_t)(text[at] - '0');
        while (at + letters < len && text[at + letters] >= 'a' && text[at + letters] <= 'z')
            letters++;
        while (
            unit < sizeof units / sizeof *units &&
            (strlen(units[unit].name) != letters || memcmp(units[unit].name, text + at, letters)))
            unit++;
        if (digits == 0 || unit == sizeof units / sizeof *units)
            return -1;
        total_ms += value * units[unit].ms;
        at += letters;
    }
    *ret_ms = total_ms;
    return 0;
}

int value_prefix(const char *text, struct prefix *ret, char why[VALUE_WHY_MAX])
{
    size_t len = strlen(text);
    char meant[PREFIX_TEXT_MAX], host[IP_TEXT_MAX];
    if (prefix_parse(text, len, true, ret))
        return 0;
    struct prefix cleared;
    if (prefix_parse(text, len, false, &cleared)) {
        struct ip ip;
        ip_parse(text, strcspn(text, "/"), &ip);
        ip_print(&ip, host);
        prefix_print(&cleared, meant);
        snprintf(why, VALUE_WHY_MAX,
                 "%s has bits set after the prefix length: %s was probably meant (or %s for the "
                 "one address)",
                 text, meant, host);
    } else {
        snprintf(why, VALUE_WHY_MAX,
                 "'%.64s' is not a prefix (175.45.176.0/22 or 2001:db8::/32 would be)", text);
    }
    return -1;
}

int value_time(const char *text, const struct zone *z, uint64_t *ret_ms, _Bool *date_only)
{
    size_t len = strlen(text);
    if (len < 10 || text[4] != '-') /* no epoch numbers and no "now" where people write dates */
        return -1;
    *date_only = len == 10;
    return time_parse_ms(text, len, z, 0, ret_ms);
}
