/* SPDX-License-Identifier: Apache-2.0 */
/* Is a UDP payload an export datagram? Only its own structure counts. */
#include "decode/decoder.h"
#include "decode/times.h"
#include "wire/cursor.h"

enum { NO, POSSIBLE, CERTAIN };

static bool sane_s(uint32_t s)
{
    return (uint64_t)s * 1000 >= TIME_LEAST_MS && (uint64_t)s * 1000 <= TIME_MOST_MS;
}

/* NetFlow 1, 5, 7: the count and the length agree, nanoseconds are fewer than 10^9, and the first
 * records look like flows: counters that can be, and no more packets than octets. */
static int guess_legacy(struct bytes b, unsigned version)
{
    size_t header = version == 1 ? 16 : 24, width = version == 7 ? 52 : 48;
    if (b.len < header)
        return NO;
    size_t count = octets_be16(b.at + 2), body = b.len - header;
    if (count == 0 || count * width > body || !sane_s(octets_be32(b.at + 8)) ||
        octets_be32(b.at + 12) >= 1000000000)
        return NO;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *r = b.at + header + i * width;
        uint64_t packets = octets_be32(r + 16), octets = octets_be32(r + 20);
        if (packets > octets)
            return NO;
    }
    bool exact = count * width == body || (version == 1 && count * 52 == body);
    return exact ? CERTAIN : POSSIBLE;
}

/* Sets follow one another to the end, or to zeros, or (NetFlow 9) to the next header. Returns how
 * many there are, 0 when the chain breaks. */
static size_t sets(struct bytes b, bool netflow9)
{
    struct cursor c = cursor_of(b);
    size_t count = 0;
    while (cursor_left(&c) >= 4) {
        struct bytes rest = cursor_rest(&c);
        uint16_t id = cursor_be16(&c), len = cursor_be16(&c);
        if (id == 0 && len == 0 && count)
            break;
        bool reserved = netflow9 ? id > 1 && id < 256 : id != 2 && id != 3 && id < 256;
        if (reserved && netflow9 && id == 9 && count && rest.len >= 20)
            return sane_s(octets_be32(rest.at + 8)) ? count : 0;
        if (reserved || len < 4 || (size_t)len - 4 > cursor_left(&c))
            return 0;
        cursor_skip(&c, (size_t)len - 4);
        count++;
    }
    return count;
}

/* A clock that was never set gives seconds since the start: then the count must be possible too. */
static int guess_netflow9(struct bytes b)
{
    if (b.len < 24 || !sets(bytes_slice(b, 20, b.len), true))
        return NO;
    if (sane_s(octets_be32(b.at + 8)))
        return CERTAIN;
    size_t count = octets_be16(b.at + 2);
    return count && count <= (b.len - 20) / 4 ? POSSIBLE : NO;
}

static int guess_ipfix(struct bytes b)
{
    if (b.len < 20 || !sane_s(octets_be32(b.at + 4)))
        return NO;
    size_t len = octets_be16(b.at + 2);
    if (len < 20 || len > b.len)
        return NO;
    size_t count = sets(bytes_slice(b, 16, len - 16), false);
    if (!count)
        return NO;
    return len == b.len ? CERTAIN : POSSIBLE;
}

int export_guess(struct bytes payload)
{
    if (payload.len < 16)
        return NO;
    switch (octets_be16(payload.at)) {
    case 0:
        return sflow_guess(payload) ? CERTAIN : NO;
    case 1:
    case 5:
    case 7:
        return guess_legacy(payload, octets_be16(payload.at));
    case 9:
        return guess_netflow9(payload);
    case 10:
        return guess_ipfix(payload);
    default:
        return NO;
    }
}
