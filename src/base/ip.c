/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>

bool ip_parse(const char *text, size_t len, struct ip *ret)
{
    char copy[IP_TEXT_MAX];
    if (len == 0 || len >= sizeof copy || memchr(text, 0, len))
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    uint8_t octets[16];
    if (inet_pton(AF_INET, copy, octets) == 1) {
        *ret = ip_from_v4(octets);
        return true;
    }
    if (inet_pton(AF_INET6, copy, octets) != 1)
        return false;
    memcpy(ret->octet, octets, IP_OCTETS);
    return true;
}

size_t ip_print(const struct ip *ip, char text[IP_TEXT_MAX])
{
    if (ip_is_v4(ip))
        inet_ntop(AF_INET, ip->octet + 12, text, IP_TEXT_MAX);
    else
        inet_ntop(AF_INET6, ip->octet, text, IP_TEXT_MAX);
    return strlen(text);
}

static bool parse_len(const char *text, size_t len, unsigned max, unsigned *ret)
{
    unsigned value = 0;
    if (len == 0 || len > 3)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *ret = value;
    return value <= max;
}

static void clear_host_bits(struct prefix *p)
{
    for (unsigned i = 0; i < IP_OCTETS; i++) {
        unsigned keep = p->len_bits > i * 8 ? p->len_bits - i * 8 : 0;
        if (keep < 8)
            p->ip.octet[i] &= (uint8_t)(0xff00u >> keep);
    }
}

bool prefix_parse(const char *text, size_t len, bool strict, struct prefix *ret)
{
    const char *slash = memchr(text, '/', len);
    size_t ip_len = slash ? (size_t)(slash - text) : len;
    struct prefix p;
    if (!ip_parse(text, ip_len, &p.ip))
        return false;
    bool v4 = memchr(text, ':', ip_len) == NULL;
    unsigned bits = v4 ? 32 : 128;
    if (slash && !parse_len(slash + 1, len - ip_len - 1, bits, &bits))
        return false;
    p.len_bits = (uint8_t)(v4 ? 96 + bits : bits);
    struct ip given = p.ip;
    clear_host_bits(&p);
    if (strict && !ip_equal(&given, &p.ip))
        return false;
    *ret = p;
    return true;
}

size_t prefix_print(const struct prefix *p, char text[PREFIX_TEXT_MAX])
{
    bool v4 = p->len_bits >= 96 && ip_is_v4(&p->ip);
    size_t len = ip_print(&p->ip, text);
    return len + (size_t)snprintf(text + len, PREFIX_TEXT_MAX - len, "/%d",
                                  v4 ? p->len_bits - 96 : p->len_bits);
}

bool prefix_contains(const struct prefix *p, const struct ip *ip)
{
    size_t whole = p->len_bits / 8;
    unsigned rest = p->len_bits % 8;
    if (memcmp(p->ip.octet, ip->octet, whole) != 0)
        return false;
    return rest == 0 || ((p->ip.octet[whole] ^ ip->octet[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

void prefix_range(const struct prefix *p, struct ip *first, struct ip *last)
{
    *first = *last = p->ip;
    for (unsigned i = 0; i < IP_OCTETS; i++) {
        unsigned keep = p->len_bits > i * 8 ? p->len_bits - i * 8 : 0;
        if (keep < 8)
            last->octet[i] |= (uint8_t)(0xffu >> keep);
    }
}
