/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and prefixes. Every address is 16 octets in network order; IPv4 a.b.c.d is
 * ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), and an IPv4 prefix of n bits has length 96 + n. */
#ifndef TELLTALE_BASE_IP_H
#define TELLTALE_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { IP_OCTETS = 16, IP_TEXT_MAX = 46, PREFIX_TEXT_MAX = 50 };

struct ip {
    uint8_t octet[IP_OCTETS];
};

struct prefix {
    struct ip ip;    /* host bits are zero */
    uint8_t len_bits; /* 0..128, counted in the 128-bit form */
};

static const uint8_t IP_V4_MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static inline struct ip ip_from_v4(const uint8_t octets[4])
{
    struct ip ip;
    memcpy(ip.octet, IP_V4_MAPPED, 12);
    memcpy(ip.octet + 12, octets, 4);
    return ip;
}

static inline bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->octet, IP_V4_MAPPED, 12) == 0;
}

static inline bool ip_equal(const struct ip *a, const struct ip *b)
{
    return memcmp(a->octet, b->octet, IP_OCTETS) == 0;
}

/* Text to address; false when it is not one. IPv6 by RFC 4291; IPv4 dotted decimal only. */
bool ip_parse(const char *text, size_t len, struct ip *ret);
/* RFC 5952 text, IPv4 dotted; writes at most IP_TEXT_MAX octets and returns the length. */
size_t ip_print(const struct ip *ip, char text[IP_TEXT_MAX]);

/* "a.b.c.d/n", "x::/n" or a bare address (a host prefix). False for anything else, also for host
 * bits that are set (`strict`), which are cleared otherwise. */
bool prefix_parse(const char *text, size_t len, bool strict, struct prefix *ret);
size_t prefix_print(const struct prefix *p, char text[PREFIX_TEXT_MAX]);
bool prefix_contains(const struct prefix *p, const struct ip *ip);
/* First and last address of the prefix. */
void prefix_range(const struct prefix *p, struct ip *first, struct ip *last);

#endif
