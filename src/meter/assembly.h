/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a stream put together, in any order and repeated: the first ASSEMBLY_OCTETS octets from
 * where it was started. Parts beyond are left out, and so is a part that would leave more than
 * ASSEMBLY_PIECES islands. Where parts overlap the later one counts. Fixed size, no allocation. */
#ifndef TELLTALE_METER_ASSEMBLY_H
#define TELLTALE_METER_ASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum { ASSEMBLY_OCTETS = 16384, ASSEMBLY_PIECES = 24 };

struct assembly {
    uint32_t base;  /* position in the stream (a TCP sequence number) of the first octet */
    uint8_t pieces; /* islands, ascending, apart from each other */
    struct {
        uint16_t from, to;
    } piece[ASSEMBLY_PIECES];
    uint8_t octets[ASSEMBLY_OCTETS];
};

static inline void assembly_start(struct assembly *a, uint32_t base)
{
    a->base = base;
    a->pieces = 0;
}

/* Adds a part at `position`; a little before the base is fine too (the base moves there). True
 * when the octets that hang together from the base became more. */
bool assembly_add(struct assembly *a, uint32_t position, struct bytes part);

/* What hangs together from the base on. */
static inline struct bytes assembly_head(const struct assembly *a)
{
    return bytes_of(a->octets, a->pieces && a->piece[0].from == 0 ? a->piece[0].to : 0);
}

/* A copy of what is used. */
void assembly_copy(struct assembly *to, const struct assembly *from);

#endif
