/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/syn.h"

#include "wire/cursor.h"

enum { TCP = 6, OPTION_END = 0, OPTION_NOP = 1, KINDS_MAX = 16, HOPS_WINDOWS = 128 };

/* A TCP header with all its options, behind an IP header without extensions; `hops` is what is left
 * of the hop limit. Failed where it is something else. */
static struct cursor tcp_header(struct bytes l3, uint8_t *hops)
{
    struct cursor c = cursor_of(l3);
    uint8_t first = cursor_peek_u8(&c), protocol;
    if (first >> 4 == 6) {
        cursor_skip(&c, 6);
        protocol = cursor_u8(&c);
        *hops = cursor_u8(&c);
        cursor_skip(&c, 32);
    } else {
        cursor_skip(&c, 8);
        *hops = cursor_u8(&c);
        protocol = cursor_u8(&c);
        cursor_skip(&c, 10);
        size_t header = (first & 0x0fu) * 4u;
        if (header < 20)
            cursor_fail(&c);
        else
            cursor_skip(&c, header - 20);
    }
    if (protocol != TCP)
        cursor_fail(&c);
    return c;
}

/* The kinds of the options in their order, with padding; how many. */
static size_t option_kinds(struct cursor c, uint8_t kinds[KINDS_MAX])
{
    size_t count = 0;
    while (cursor_left(&c) && count < KINDS_MAX) {
        uint8_t kind = cursor_u8(&c);
        kinds[count++] = kind;
        if (kind == OPTION_END)
            break;
        if (kind == OPTION_NOP)
            continue;
        uint8_t len = cursor_u8(&c);
        if (len < 2)
            return 0;
        cursor_skip(&c, len - 2u);
    }
    return c.failed ? 0 : count;
}

/* Options by number: 2 segment size, 3 window scale, 4 selective acknowledgement, 8 timestamps. */
static const struct form {
    uint8_t count, kinds[9], hops_above, hops_most;
    enum platform platform;
} forms[] = {
    {6, {2, 1, 3, 1, 1, 4}, 64, HOPS_WINDOWS, PLATFORM_WINDOWS},
    {4, {2, 1, 1, 4}, 64, HOPS_WINDOWS, PLATFORM_WINDOWS}, /* before Vista */
    {8, {2, 1, 3, 1, 1, 8, 4, 0}, 0, 64, PLATFORM_APPLE},
};

enum platform syn_platform(struct bytes l3)
{
    uint8_t hops, kinds[KINDS_MAX];
    struct cursor c = tcp_header(l3, &hops);
    cursor_skip(&c, 12);
    size_t header = (size_t)(cursor_u8(&c) >> 4) * 4;
    cursor_skip(&c, 7);
    if (c.failed || header <= 20)
        return PLATFORM_UNKNOWN;
    size_t count = option_kinds(cursor_sub(&c, header - 20), kinds);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (count == forms[i].count && memcmp(kinds, forms[i].kinds, count) == 0 &&
            hops > forms[i].hops_above && hops <= forms[i].hops_most)
            return forms[i].platform;
    return PLATFORM_UNKNOWN;
}
