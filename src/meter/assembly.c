/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/assembly.h"

#include <assert.h>
#include <string.h>

/* Moves everything `by` octets up, to make room before the base; what leaves the end is lost. */
static void move_up(struct assembly *a, uint32_t by)
{
    a->base -= by;
    memmove(a->octets + by, a->octets, ASSEMBLY_OCTETS - by);
    uint8_t kept = 0;
    for (; kept < a->pieces && a->piece[kept].from + by < ASSEMBLY_OCTETS; kept++) {
        uint32_t to = a->piece[kept].to + by;
        a->piece[kept].from = (uint16_t)(a->piece[kept].from + by);
        a->piece[kept].to = (uint16_t)(to < ASSEMBLY_OCTETS ? to : ASSEMBLY_OCTETS);
    }
    a->pieces = kept;
}

/* Notes [from, to) as filled; false when there would be too many islands. */
static bool note(struct assembly *a, uint32_t from, uint32_t to)
{
    uint8_t first = 0, last;
    while (first < a->pieces && a->piece[first].to < from)
        first++;
    for (last = first; last < a->pieces && a->piece[last].from <= to; last++) {
        from = a->piece[last].from < from ? a->piece[last].from : from;
        to = a->piece[last].to > to ? a->piece[last].to : to;
    }
    if (first == last && a->pieces == ASSEMBLY_PIECES)
        return false;
    uint8_t moved = (uint8_t)(a->pieces - last);
    memmove(&a->piece[first + 1], &a->piece[last], moved * sizeof a->piece[0]);
    a->piece[first].from = (uint16_t)from;
    a->piece[first].to = (uint16_t)to;
    a->pieces = (uint8_t)(first + 1 + moved);
    return true;
}

bool assembly_add(struct assembly *a, uint32_t position, struct bytes part)
{
    if (part.len == 0)
        return false;
    uint32_t before = a->base - position; /* small when the part starts before the base */
    if (before > 0 && before < ASSEMBLY_OCTETS)
        move_up(a, before);
    uint32_t from = position - a->base;
    if (from >= ASSEMBLY_OCTETS)
        return false;
    size_t room = ASSEMBLY_OCTETS - from, len = part.len < room ? part.len : room;
    size_t had = assembly_head(a).len;
    if (!note(a, from, from + (uint32_t)len))
        return false;
    memcpy(a->octets + from, part.at, len);
    assert(assembly_head(a).len <= ASSEMBLY_OCTETS);
    return assembly_head(a).len > had || before - 1 < ASSEMBLY_OCTETS - 1;
}

void assembly_copy(struct assembly *to, const struct assembly *from)
{
    size_t used = from->pieces ? from->piece[from->pieces - 1].to : 0;
    to->base = from->base;
    to->pieces = from->pieces;
    memcpy(to->piece, from->piece, sizeof to->piece);
    memcpy(to->octets, from->octets, used);
}
