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

/* What a device runs, as far as it tells. APPLE: one of macos, ios or tvos, not known which. TOOL:
 * a program that names itself and not what it runs on (curl, a crawler). */
#define PLATFORM_VALUES(V)                                                                         \
    V(PLATFORM_UNKNOWN, 0, "")                                                                     \
    V(PLATFORM_WINDOWS, 1, "windows")                                                              \
    V(PLATFORM_MACOS, 2, "macos")                                                                  \
    V(PLATFORM_IOS, 3, "ios")                                                                      \
    V(PLATFORM_ANDROID, 4, "android")                                                              \
    V(PLATFORM_LINUX, 5, "linux")                                                                  \
    V(PLATFORM_CHROMEOS, 6, "chromeos")                                                            \
    V(PLATFORM_WINDOWS_PHONE, 7, "windows-phone")                                                  \
    V(PLATFORM_BLACKBERRY, 8, "blackberry")                                                        \
    V(PLATFORM_PLAYSTATION, 9, "playstation")                                                      \
    V(PLATFORM_XBOX, 10, "xbox")                                                                   \
    V(PLATFORM_NINTENDO, 11, "nintendo")                                                           \
    V(PLATFORM_SMART_TV, 12, "smart-tv")                                                           \
    V(PLATFORM_EMBEDDED, 13, "embedded") /* routers, cameras, printers, sensors */                 \
    V(PLATFORM_FEATURE_PHONE, 14, "feature-phone")                                                 \
    V(PLATFORM_BSD, 15, "bsd")                                                                     \
    V(PLATFORM_APPLE, 16, "apple")                                                                 \
    V(PLATFORM_TOOL, 17, "tool")

/* Stronger evidence has the lower number. SERVICE is from attribution (attribute/devices.h). */
#define PLATFORM_BASIS_VALUES(V)                                                                   \
    V(PLATFORM_BASIS_NONE, 0, "")                                                                  \
    V(PLATFORM_BASIS_USER_AGENT, 1, "user-agent") /* RFC 9110 section 10.1.5 */                    \
    V(PLATFORM_BASIS_BANNER, 2, "banner")         /* SSH's and HTTP servers' own words */          \
    V(PLATFORM_BASIS_DISCOVERY, 3, "discovery")   /* DHCP, SSDP, mDNS, NetBIOS */                  \
    V(PLATFORM_BASIS_QUIC, 4, "quic")             /* JA4 of a QUIC hello */                        \
    V(PLATFORM_BASIS_TLS, 5, "tls")               /* JA4 of a TLS hello */                         \
    V(PLATFORM_BASIS_TCP, 6, "tcp")               /* form of the SYN */                            \
    V(PLATFORM_BASIS_SERVICE, 7, "service")       /* a service that only such devices use */

/* Bits of column tls_faults: the first four say what could be seen, the rest what is wrong. */
#define TLS_FAULT_VALUES(V)                                                                        \
    V(TLS_HELLO, 0x0001, "hello")             /* the server's hello was read */                    \
    V(TLS_CERTIFICATE, 0x0002, "certificate") /* and the certificate it sent */                    \
    V(TLS_RESUMED, 0x0004, "resumed")         /* it sent none: an old session goes on */           \
    V(TLS_ENCRYPTED, 0x0008, "encrypted")     /* TLS 1.3: nobody between can read it */            \
    V(TLS_OBSOLETE, 0x0010, "obsolete-version") /* below TLS 1.2: RFC 7568, RFC 8996 */            \
    V(TLS_EXPIRED, 0x0020, "expired")         /* at the conversation's own time */                 \
    V(TLS_NOT_YET_VALID, 0x0040, "not-yet-valid")                                                  \
    V(TLS_SELF_SIGNED, 0x0080, "self-signed") /* issuer and subject are one */                     \
    V(TLS_NAME_MISMATCH, 0x0100, "name-mismatch") /* RFC 9525, against the name asked for */       \
    V(TLS_WEAK_CIPHER, 0x0200, "weak-cipher") /* NULL, export, anonymous, RC4, RC2, DES, 3DES */   \
    V(TLS_WEAK_CERTIFICATE, 0x0400, "weak-certificate") /* MD5, SHA-1; RSA below 2048 bits */      \
    V(TLS_MALFORMED, 0x0800, "malformed-certificate")

#define VALUE_ENUM(name, number, text) name = number,
enum role { ROLE_VALUES(VALUE_ENUM) };
enum basis { BASIS_VALUES(VALUE_ENUM) };
enum name_kind { NAME_KIND_VALUES(VALUE_ENUM) };
enum opener { OPENER_VALUES(VALUE_ENUM) };
enum owner { OWNER_VALUES(VALUE_ENUM) };
enum platform { PLATFORM_VALUES(VALUE_ENUM) };
enum platform_basis { PLATFORM_BASIS_VALUES(VALUE_ENUM) };
enum tls_fault { TLS_FAULT_VALUES(VALUE_ENUM) };
#undef VALUE_ENUM

/* Text of a value, "" for one that is not in the list; and back, -1 for a text that is none. */
const char *role_text(unsigned value);
const char *basis_text(unsigned value);
const char *name_kind_text(unsigned value);
const char *opener_text(unsigned value);
const char *owner_text(unsigned value);
const char *platform_text(unsigned value);
const char *platform_basis_text(unsigned value);
int platform_value(const char *text, size_t len);
int platform_basis_value(const char *text, size_t len);
/* Name of one bit of tls_faults; bit by name, -1 for none. */
const char *tls_fault_text(unsigned bit);
int tls_fault_value(const char *text, size_t len);
/* All bits of `faults` by name, joined by '|', at most TLS_FAULTS_TEXT_MAX with the NUL. */
enum { TLS_FAULTS_TEXT_MAX = 192 };
void tls_faults_text(unsigned faults, char text[TLS_FAULTS_TEXT_MAX]);
/* What is wrong, without what was merely seen. */
enum { TLS_FAULTS_ALL = 0x0ff0 };
/* "TLS1.2" for 0x0303, "DTLS1.2" for 0xfefd, "" for what is no version. */
const char *tls_version_text(unsigned version);
/* The versions that have a text, ascending; 0 past the last. */
unsigned tls_version_at(unsigned index);
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
