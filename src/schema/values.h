/* SPDX-License-Identifier: Apache-2.0 */
/* Small closed sets of values that columns hold. Stored as numbers: never renumber. */
#ifndef TELLTALE_SCHEMA_VALUES_H
#define TELLTALE_SCHEMA_VALUES_H

#include <stddef.h>
#include <stdint.h>

/* VALUE(enumerator, number, text) */
#define ROLE_VALUES(V)                                                                             \
    V(ROLE_UNKNOWN, 0, "")                                                                         \
    V(ROLE_CONSUMED, 1, "consumed")     /* the population is the client */                         \
    V(ROLE_SERVED, 2, "served")         /* the population is the server */                         \
    V(ROLE_PEER, 3, "peer")             /* BitTorrent and the like: neither serves */              \
    V(ROLE_UNANSWERED, 4, "unanswered") /* scans and backscatter towards the population */

#define BASIS_VALUES(V)                                                                            \
    V(BASIS_NONE, 0, "")                                                                           \
    V(BASIS_NAME, 1, "name")                                                                       \
    V(BASIS_DPI, 2, "dpi")                                                                         \
    V(BASIS_DNS, 3, "dns")                                                                         \
    V(BASIS_PREFIX, 4, "prefix")                                                                   \
    V(BASIS_ASN, 5, "asn")                                                                         \
    V(BASIS_PORT, 6, "port")

#define NAME_KIND_VALUES(V)                                                                        \
    V(NAME_NONE, 0, "")                                                                            \
    V(NAME_SNI, 1, "sni")           /* TLS ClientHello, RFC 6066 section 3 */                      \
    V(NAME_QUIC, 2, "quic")         /* the same inside a QUIC Initial, RFC 9001 */                 \
    V(NAME_HTTP, 3, "http")         /* HTTP/1 Host */                                              \
    V(NAME_DNS, 4, "dns")           /* the name whose answer this client got */                    \
    V(NAME_EXPORTER, 5, "exporter") /* an element of the flow record */

#define OPENER_VALUES(V)                                                                           \
    V(OPENER_UNKNOWN, 0, "")                                                                       \
    V(OPENER_SOURCE, 1, "source")           /* record: src opened; conversation: local did */      \
    V(OPENER_DESTINATION, 2, "destination") /* record: dst opened; conversation: remote did */     \
    V(OPENER_SOURCE_GUESS, 3, "source?")    /* sent first as far as seen, no handshake */          \
    V(OPENER_DESTINATION_GUESS, 4, "destination?")

#define OWNER_VALUES(V)                                                                            \
    V(OWNER_UNKNOWN, 0, "")                                                                        \
    V(OWNER_CONSUMER_SERVICE, 1, "consumer service")                                               \
    V(OWNER_HOSTING, 2, "hosting")                                                                 \
    V(OWNER_VPN, 3, "vpn provider")                                                                \
    V(OWNER_CARRIER, 4, "carrier and access")                                                      \
    V(OWNER_SATELLITE, 5, "satellite provider")                                                    \
    V(OWNER_UNIVERSITY, 6, "university")                                                           \
    V(OWNER_LABORATORY, 7, "laboratory")                                                           \
    V(OWNER_GOVERNMENT, 8, "government")                                                           \
    V(OWNER_MILITARY, 9, "military")                                                               \
    V(OWNER_NEWS, 10, "news")                                                                      \
    V(OWNER_BANK, 11, "bank")                                                                      \
    V(OWNER_UTILITY, 12, "utility")                                                                \
    V(OWNER_CDN, 13, "content delivery")                                                           \
    V(OWNER_EDUCATION, 14, "education")

#define VALUE_ENUM(name, number, text) name = number,
enum role { ROLE_VALUES(VALUE_ENUM) };
enum basis { BASIS_VALUES(VALUE_ENUM) };
enum name_kind { NAME_KIND_VALUES(VALUE_ENUM) };
enum opener { OPENER_VALUES(VALUE_ENUM) };
enum owner { OWNER_VALUES(VALUE_ENUM) };
#undef VALUE_ENUM

/* Text of a value, "" for one that is not in the list; and back, -1 for a text that is none. */
const char *role_text(unsigned value);
const char *basis_text(unsigned value);
const char *name_kind_text(unsigned value);
const char *opener_text(unsigned value);
const char *owner_text(unsigned value);
int role_value(const char *text, size_t len);
int basis_value(const char *text, size_t len);
int owner_value(const char *text, size_t len);

/* What else is known of a row; column `marks`. */
enum mark {
    MARK_INTERNAL = 1,       /* both ends are in the population */
    MARK_FRAGMENTS = 2,      /* some packets were fragments without ports */
    MARK_EXPORT_TIME = 4,    /* the record had no time of its own: the export time stands in */
    MARK_BIFLOW = 8,         /* both directions came from the source, none had to be paired */
    MARK_PAIRED = 16,        /* opposite one-way records were joined */
    MARK_CONTINUED = 32,     /* slices cut by an active timeout were joined */
    MARK_SNAPPED = 64,       /* packets were captured short: the payload was not whole */
    MARK_NAME_CONFLICT = 128,/* more than one server name was seen; the first is kept */
    MARK_QUIC = 256,         /* payload was QUIC */
    MARK_PIVOT = 512,        /* local is a pivot, not the population */
};

/* Country codes in a UInt16. */
static inline uint16_t country_code(const char text[2])
{
    return (uint16_t)((unsigned char)text[0] << 8 | (unsigned char)text[1]);
}

/* "IN" into `text`, "" for 0. */
void country_text(unsigned code, char text[3]);

/* "SA" style letters: F S R P A U E C; "" for none. `text` holds at least 9. */
void tcp_flags_text(unsigned flags, char text[9]);
/* IP protocol name in lower case as IANA lists it ("tcp"), or NULL when we have no name. */
const char *protocol_text(unsigned protocol);
/* Number of a protocol given by name or number; -1 when it is neither. */
int protocol_value(const char *text, size_t len);

#endif
