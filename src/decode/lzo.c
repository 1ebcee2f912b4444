/* SPDX-License-Identifier: Apache-2.0 */
/* A stream is instructions. Each copies a match from what was written before, then 0 to 3 literals
 * (its two lowest bits); or it is a run of literals. What an opcode below 16 means depends on how
 * many literals came just before it (`state`: 0 to 3, RUN after a run):
 *
 *   0000LLLL  state 0    run of L + 3 literals (L = 0: extended)
 *   0000DDSS  state 1-3  match of 2 at H * 4 + D + 1, H the next octet
 *   0000DDSS  state RUN  match of 3 at H * 4 + D + 2049
 *   0001HLLL  match of L + 2 (L = 0: extended from 7) at 16384 + H * 16384 + D, from 16 bits (D,
 * S); with distance 16384: the end 001LLLLL  match of L + 2 (L = 0: extended from 31) at D + 1,
 * from 16 bits (D, S) 01LDDDSS  match of L + 3 at H * 8 + D + 1 1LLDDDSS  match of L + 5 at H * 8 +
 * D + 1
 *
 * Extended: 255 for each zero octet, then the octet that is not. A first octet above 17 is that
 * many literals less 17. */
#include "decode/lzo.h"

#include <stdbool.h>
#include <string.h>

enum { RUN = 4, FIRST = 17, FAR = 16384, END_OCTETS = 3 };

struct lzo {
    const uint8_t *in, *in_end;
    uint8_t *start, *out, *out_end;
    bool failed;
};

static unsigned next(struct lzo *z)
{
    if (z->in == z->in_end) {
        z->failed = true;
        return 1; /* not 0: ends an extended length */
    }
    return *z->in++;
}

static unsigned next_le16(struct lzo *z)
{
    unsigned low = next(z);
    return low | next(z) << 8;
}

static size_t extended(struct lzo *z, size_t base)
{
    unsigned octet;
    while ((octet = next(z)) == 0)
        base += 255;
    return base + octet;
}

static void copy_literals(struct lzo *z, size_t len)
{
    if ((size_t)(z->in_end - z->in) < len || (size_t)(z->out_end - z->out) < len) {
        z->failed = true;
        return;
    }
    memcpy(z->out, z->in, len);
    z->in += len;
    z->out += len;
}

/* A match may overlap what it writes: then it repeats. */
static void copy_match(struct lzo *z, size_t distance, size_t len)
{
    if ((size_t)(z->out - z->start) < distance || (size_t)(z->out_end - z->out) < len) {
        z->failed = true;
        return;
    }
    const uint8_t *from = z->out - distance;
    uint8_t *to = z->out;
    z->out += len;
    if (distance >= len) {
        memcpy(to, from, len);
        return;
    }
    while (len-- > 0)
        *to++ = *from++;
}

/* An opcode from 16 on. Returns the literals that follow, -1 at the end of the stream. */
static int far_match(struct lzo *z, unsigned opcode)
{
    size_t len, distance;
    unsigned tail;
    if (opcode < 32) {
        len = (opcode & 7) ? (opcode & 7) : extended(z, 7);
        tail = next_le16(z);
        distance = FAR + ((opcode & 8u) << 11) + (tail >> 2);
        if (distance == FAR) {
            z->failed |= len != 1;
            return -1;
        }
    } else if (opcode < 64) {
        len = (opcode & 31) ? (opcode & 31) : extended(z, 31);
        tail = next_le16(z);
        distance = (tail >> 2) + 1;
    } else {
        len = opcode < 128 ? (opcode >> 5 & 1) + 1 : (opcode >> 5 & 3) + 3;
        tail = opcode;
        distance = (size_t)next(z) * 8 + (opcode >> 2 & 7) + 1;
    }
    if (!z->failed)
        copy_match(z, distance, len + 2);
    return (int)(tail & 3);
}

static int near_match(struct lzo *z, unsigned opcode, int state)
{
    size_t distance = (size_t)next(z) * 4 + (opcode >> 2) + (state == RUN ? 2049 : 1);
    if (!z->failed)
        copy_match(z, distance, state == RUN ? 3 : 2);
    return (int)(opcode & 3);
}

ptrdiff_t lzo_decompress(uint8_t *out, size_t size, struct bytes in)
{
    struct lzo z = {
        .in = in.at, .in_end = in.at + in.len, .start = out, .out = out, .out_end = out + size};
    int state = 0;
    if (in.len >= END_OCTETS && in.at[0] > FIRST) {
        size_t literals = next(&z) - FIRST;
        copy_literals(&z, literals);
        state = literals < RUN ? (int)literals : RUN;
    }
    while (!z.failed) {
        unsigned opcode = next(&z);
        if (opcode < 16 && state == 0) {
            copy_literals(&z, (opcode ? opcode : extended(&z, 15)) + 3);
            state = RUN;
            continue;
        }
        state = opcode < 16 ? near_match(&z, opcode, state) : far_match(&z, opcode);
        if (state < 0)
            break;
        if (!z.failed)
            copy_literals(&z, (size_t)state);
    }
    return z.failed || z.in != z.in_end ? -1 : z.out - z.start;
}
