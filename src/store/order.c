/* SPDX-License-Identifier: Apache-2.0 */
/* Radix sort from the last octet of the key to the first (LSD): every pass is stable, and octets
 * that are the same in all rows, which most of 40 are, take no pass. That is several times faster
 * than the engine's own sort, and an engine that gets sorted rows does not sort. */
#include "store/order.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "batch/block.h"

struct order_key {
    uint64_t key;
    uint32_t row;
};

void order_done(struct order *o)
{
    free(o->keys);
    free(o->spare);
    free(o->rows);
    *o = (struct order){0};
}

/* Half an address as a number that compares as the address does. */
static uint64_t half(const struct ip *ip, size_t at)
{
    uint64_t value;
    memcpy(&value, ip->octet + at, sizeof value);
    return __builtin_bswap64(value);
}

/* The parts of a row's key, the least significant first. */
enum part { PART_START, PART_LOCAL_LOW, PART_LOCAL_HIGH, PART_REMOTE_LOW, PART_REMOTE_HIGH, PARTS };

static uint64_t part_of(const struct batch *b, size_t row, enum part part)
{
    switch (part) {
    case PART_START:
        return batch_start_ms(b)[row];
    case PART_LOCAL_LOW:
        return half(&batch_local(b)[row], 8);
    case PART_LOCAL_HIGH:
        return half(&batch_local(b)[row], 0);
    case PART_REMOTE_LOW:
        return half(&batch_remote(b)[row], 8);
    default:
        return half(&batch_remote(b)[row], 0);
    }
}

#define FILL(part)                                                                                 \
    case part:                                                                                     \
        for (size_t n = 0; n < count; n++) {                                                       \
            uint32_t at = o->keys[n].row;                                                          \
            o->keys[n].key = part_of(batches[at >> NATIVE_ORDER_SHIFT], at & 0xffff, part);        \
        }                                                                                          \
        break

static void fill(struct order *o, const struct batch *const *batches, size_t count, enum part part)
{
    switch (part) {
        FILL(PART_START);
        FILL(PART_LOCAL_LOW);
        FILL(PART_LOCAL_HIGH);
        FILL(PART_REMOTE_LOW);
        FILL(PART_REMOTE_HIGH);
    default:
        assert(false);
    }
}

static void pass(struct order *o, size_t count, unsigned shift, uint32_t begins[256])
{
    for (size_t n = 0; n < count; n++)
        o->spare[begins[o->keys[n].key >> shift & 0xff]++] = o->keys[n];
    struct order_key *was = o->keys;
    o->keys = o->spare;
    o->spare = was;
}

static void sort(struct order *o, size_t count)
{
    uint64_t any = 0, all = UINT64_MAX;
    for (size_t n = 0; n < count; n++) {
        any |= o->keys[n].key;
        all &= o->keys[n].key;
    }
    for (unsigned shift = 0; shift < 64; shift += 8) {
        uint32_t begins[256] = {0}, sum = 0;
        if (((any ^ all) >> shift & 0xff) == 0)
            continue;
        for (size_t n = 0; n < count; n++)
            begins[o->keys[n].key >> shift & 0xff]++;
        for (int i = 0; i < 256; i++) {
            uint32_t here = begins[i];
            begins[i] = sum;
            sum += here;
        }
        pass(o, count, shift, begins);
    }
}

static void make_room(struct order *o, size_t count)
{
    if (count <= o->room)
        return;
    o->keys = memory_resize(o->keys, count, sizeof *o->keys);
    o->spare = memory_resize(o->spare, count, sizeof *o->spare);
    o->rows = memory_resize(o->rows, count, sizeof *o->rows);
    o->room = count;
}

size_t order_flows(struct order *o, const struct batch *const *batches, size_t count)
{
    size_t rows = 0;
    for (size_t b = 0; b < count; b++)
        rows += batches[b]->rows;
    assert(count <= 65536 && rows < UINT32_MAX);
    make_room(o, rows);
    for (size_t b = 0, n = 0; b < count; b++)
        for (size_t row = 0; row < batches[b]->rows; row++)
            o->keys[n++].row = (uint32_t)(b << NATIVE_ORDER_SHIFT | row);
    for (enum part part = PART_START; part < PARTS; part++) {
        fill(o, batches, rows, part);
        sort(o, rows);
    }
    for (size_t n = 0; n < rows; n++)
        o->rows[n] = o->keys[n].row;
    return rows;
}
