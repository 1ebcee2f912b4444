/* SPDX-License-Identifier: Apache-2.0 */
/* Country and origin AS of an address, and the AS's name: libloc's database, or MMDB files. One
 * geo serves one thread. */
#ifndef TELLTALE_ATTRIBUTE_GEO_H
#define TELLTALE_ATTRIBUTE_GEO_H

#include <stdint.h>

#include "base/error.h"
#include "base/ip.h"
#include "base/lpm.h"

enum place_flag { PLACE_PROXY = 1, PLACE_SATELLITE = 2, PLACE_ANYCAST = 4, PLACE_HOSTILE = 8 };

struct place {
    uint32_t asn;            /* 0: unknown */
    uint16_t country;        /* country_code(); 0: unknown */
    uint8_t flags;           /* enum place_flag */
    uint8_t prefix_len_bits; /* of the network in the database, in the 128-bit form; 0: none */
};

struct geo;

/* NULL for both opens libloc's database (its usual place, or $TELLTALE_LIBLOC). */
int geo_open(const char *country_mmdb, const char *asn_mmdb, struct geo **ret, struct error *err);
void geo_free(struct geo *g);

struct place geo_find(const struct geo *g, const struct ip *ip);
/* Builds a table for many look-ups (about half a second, 60 MB): geo_find_many() is then some ten
 * times faster than geo_find(). It does not give prefix_len_bits. At most 512 at a time. */
void geo_compile(struct geo *g);
void geo_find_many(const struct geo *g, const struct ip *ips, size_t count, struct place *ret);
/* The compiled table (values are indices of `places`), to be combined with others; NULL before
 * geo_compile() and with MMDB files. Valid until geo_forget_compiled(). */
const struct lpm *geo_compiled(const struct geo *g, const struct place **places);
void geo_forget_compiled(struct geo *g);
/* Name of the AS; `ip` is an address of it (an MMDB holds names by address). Empty when it has
 * none; at most `size` octets with the NUL. */
void geo_as_name(struct geo *g, uint32_t asn, const struct ip *ip, char *text, size_t size);
/* "libloc, IPFire Project" or the MMDB's type; when the data was made, s since 1970. */
const char *geo_source(const struct geo *g);
int64_t geo_made_s(const struct geo *g);

#endif
