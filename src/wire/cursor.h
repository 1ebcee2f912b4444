/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded reader with a sticky error: a read past the end gives zero, sets `failed`, and every
 * read after it gives zero too. So a decoder reads as the RFC is written and asks once.
 *
 * cursor_take() borrows octets; cursor_sub() gives a part its own bounds, so that a damaged inner
 * length cannot reach outside its part. Any thread; nothing is copied or allocated. */
#ifndef TELLTALE_WIRE_CURSOR_H
#define TELLTALE_WIRE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ip.h"

struct cursor {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct cursor cursor_of(struct bytes b)
{
    static const uint8_t nothing[1];
    const uint8_t *at = b.at ? b.at : nothing;
    return (struct cursor){.at = at, .end = at + b.len, .failed = false};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* What has not been read, without reading it. */
static inline struct bytes cursor_rest(const struct cursor *c)
{
    return bytes_of(c->at, cursor_left(c));
}

/* Moves to the end, so that every later read fails. */
static inline void cursor_fail(struct cursor *c)
{
    c->failed = true;
    c->at = c->end;
}

/* True when `len` octets are there; else the cursor has failed. */
static inline bool cursor_need(struct cursor *c, size_t len)
{
    if (__builtin_expect(cursor_left(c) >= len, 1))
        return true;
    cursor_fail(c);
    return false;
}

static inline void cursor_skip(struct cursor *c, size_t len)
{
    if (cursor_need(c, len))
        c->at += len;
}

/* Exactly `len` octets, or none and failed. */
static inline struct bytes cursor_take(struct cursor *c, size_t len)
{
    if (!cursor_need(c, len))
        return bytes_of(c->at, 0);
    c->at += len;
    return bytes_of(c->at - len, len);
}

/* A cursor over the next `len` octets, which are skipped here. Failed when they are not there. */
static inline struct cursor cursor_sub(struct cursor *c, size_t len)
{
    bool there = cursor_need(c, len);
    struct cursor sub = {.at = c->at, .end = there ? c->at + len : c->at, .failed = !there};
    c->at = sub.end;
    return sub;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    return cursor_need(c, 1) ? *c->at++ : 0;
}

/* The next octet without reading it; 0 at the end (not a failure). */
static inline uint8_t cursor_peek_u8(const struct cursor *c)
{
    return c->at < c->end ? *c->at : 0;
}

/* An unsigned number of `len` octets, most significant first; `len` is at most 8. */
static inline uint64_t cursor_be(struct cursor *c, size_t len)
{
    uint64_t value = 0;
    if (len > 8) {
        cursor_fail(c);
        return 0;
    }
    if (!cursor_need(c, len))
        return 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | c->at[i];
    c->at += len;
    return value;
}

/* The same, least significant first. */
static inline uint64_t cursor_le(struct cursor *c, size_t len)
{
    uint64_t value = 0;
    if (len > 8) {
        cursor_fail(c);
        return 0;
    }
    if (!cursor_need(c, len))
        return 0;
    for (size_t i = len; i-- > 0;)
        value = value << 8 | c->at[i];
    c->at += len;
    return value;
}

static inline uint16_t octets_be16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap16(value);
}

static inline uint32_t octets_be32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

static inline uint64_t octets_be64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap64(value);
}

static inline uint16_t octets_le16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint32_t octets_le32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t octets_le64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the fixed-width reads are written for little-endian machines"
#endif

#define CURSOR_READ(name, type, octets, decode)                                                    \
    static inline type name(struct cursor *c)                                                      \
    {                                                                                              \
        if (!cursor_need(c, octets))                                                               \
            return 0;                                                                              \
        c->at += octets;                                                                           \
        return decode(c->at - octets);                                                             \
    }
CURSOR_READ(cursor_be16, uint16_t, 2, octets_be16)
CURSOR_READ(cursor_be32, uint32_t, 4, octets_be32)
CURSOR_READ(cursor_be64, uint64_t, 8, octets_be64)
CURSOR_READ(cursor_le16, uint16_t, 2, octets_le16)
CURSOR_READ(cursor_le32, uint32_t, 4, octets_le32)
CURSOR_READ(cursor_le64, uint64_t, 8, octets_le64)
#undef CURSOR_READ

/* Addresses as they lie in headers; ::  when they are not there. */
static inline struct ip cursor_ip4(struct cursor *c)
{
    struct ip none = {{0}};
    struct bytes octets = cursor_take(c, 4);
    return octets.len ? ip_from_v4(octets.at) : none;
}

static inline struct ip cursor_ip6(struct cursor *c)
{
    struct ip ip = {{0}};
    struct bytes octets = cursor_take(c, IP_OCTETS);
    if (octets.len)
        memcpy(ip.octet, octets.at, IP_OCTETS);
    return ip;
}

#endif
