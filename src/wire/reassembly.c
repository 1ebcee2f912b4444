/* SPDX-License-Identifier: Apache-2.0 */
/* Fragmented exports are rare (exporters stay below the MTU), so the few datagrams under way are
 * searched one by one; what counts is that no sequence of fragments costs more than that. */
#include "wire/reassembly.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/cursor.h"

enum {
    PROTOCOL_UDP = 17,
    UDP_HEADER = 8,
    DATAGRAM_MAX = 65535,
    BLOCK = 8, /* octets: offsets and lengths of all parts but the last are multiples of it */
    BLOCKS = (DATAGRAM_MAX + BLOCK) / BLOCK,
    MEMORY = 8 << 20,
};
#define PATIENCE_NS (30u * UINT64_C(1000000000))

struct datagram_parts {
    struct ip src, dst;
    uint64_t since_ns;
    uint32_t id;
    bool used;
    uint32_t len; /* of the whole, when its last part is there; else 0 */
    uint32_t blocks_there;
    uint64_t there[(BLOCKS + 63) / 64];
    uint8_t octets[BLOCKS * BLOCK];
};

enum { SLOTS = MEMORY / sizeof(struct datagram_parts) };

struct reassembly {
    struct datagram_parts *slots[SLOTS]; /* made when first needed */
    size_t lost;
};

struct reassembly *reassembly_new(void)
{
    return memory_alloc(sizeof(struct reassembly));
}

void reassembly_free(struct reassembly *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < SLOTS && r->slots[i]; i++)
        free(r->slots[i]);
    free(r);
}

/* A fragment's place in its datagram. */
struct part {
    uint32_t offset;
    bool more;
    struct bytes octets;
};

static bool part_of_ip4(const struct packet *p, struct part *ret)
{
    struct cursor c = cursor_of(p->l3);
    size_t header = (size_t)(cursor_u8(&c) & 15) * 4;
    cursor_skip(&c, 5);
    uint16_t where = cursor_be16(&c);
    ret->offset = (where & 0x1fffu) * BLOCK;
    ret->more = where & 0x2000;
    ret->octets = bytes_slice(p->l3, header, p->octets);
    return !c.failed && header <= p->l3.len;
}

/* Hop-by-hop, routing and destination options may stand before the fragment header. */
static bool part_of_ip6(const struct packet *p, struct part *ret)
{
    enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, OPTIONS = 60, IP6_HEADER = 40 };
    struct cursor c = cursor_of(bytes_slice(p->l3, 0, p->octets));
    cursor_skip(&c, 6);
    uint8_t next = cursor_u8(&c);
    cursor_skip(&c, IP6_HEADER - 7);
    while (!c.failed && (next == HOP_BY_HOP || next == ROUTING || next == OPTIONS)) {
        next = cursor_u8(&c);
        cursor_skip(&c, (size_t)cursor_u8(&c) * 8 + 6);
    }
    if (next != FRAGMENT)
        return false;
    cursor_skip(&c, 2);
    uint16_t where = cursor_be16(&c);
    cursor_skip(&c, 4);
    ret->offset = where & 0xfff8u;
    ret->more = where & 1;
    ret->octets = cursor_rest(&c);
    return !c.failed;
}

static bool part_of(const struct packet *p, struct part *ret)
{
    if (p->snapped || p->l3.len == 0)
        return false;
    bool ip4 = p->l3.at[0] >> 4 == 4;
    if (!(ip4 ? part_of_ip4(p, ret) : part_of_ip6(p, ret)))
        return false;
    if (ret->octets.len == 0 || (ret->more && ret->octets.len % BLOCK))
        return false;
    return ret->offset + ret->octets.len <= DATAGRAM_MAX;
}

static void give_up(struct reassembly *r, struct datagram_parts *d)
{
    d->used = false;
    r->lost++;
}

static bool is_of(const struct datagram_parts *d, const struct packet *p)
{
    return d->used && d->id == p->ip_id && ip_equal(&d->src, &p->src) && ip_equal(&d->dst, &p->dst);
}

static void begin(struct datagram_parts *d, uint64_t time_ns, const struct packet *p)
{
    d->src = p->src;
    d->dst = p->dst;
    d->id = p->ip_id;
    d->since_ns = time_ns;
    d->used = true;
    d->len = d->blocks_there = 0;
    memset(d->there, 0, sizeof d->there);
}

/* The packet's datagram: the one under way, a free place, or the oldest's. */
static struct datagram_parts *datagram_of(struct reassembly *r, uint64_t time_ns,
                                          const struct packet *p)
{
    struct datagram_parts *free_one = NULL, *oldest = NULL;
    size_t i;
    for (i = 0; i < SLOTS && r->slots[i]; i++) {
        struct datagram_parts *d = r->slots[i];
        if (d->used && time_ns > d->since_ns && time_ns - d->since_ns > PATIENCE_NS)
            give_up(r, d);
        if (is_of(d, p))
            return d;
        if (!d->used)
            free_one = d;
        else if (!oldest || d->since_ns < oldest->since_ns)
            oldest = d;
    }
    if (!free_one && i < SLOTS)
        free_one = r->slots[i] = memory_alloc(sizeof(struct datagram_parts));
    if (!free_one) {
        give_up(r, oldest);
        free_one = oldest;
    }
    begin(free_one, time_ns, p);
    return free_one;
}

static bool is_there(const struct datagram_parts *d, size_t block)
{
    return d->there[block / 64] >> (block % 64) & 1;
}

static bool any_from(const struct datagram_parts *d, size_t block)
{
    for (; block < BLOCKS; block++)
        if (is_there(d, block))
            return true;
    return false;
}

/* False where the part contradicts what is there. */
static bool add(struct datagram_parts *d, const struct part *part)
{
    size_t first = part->offset / BLOCK, blocks = (part->octets.len + BLOCK - 1) / BLOCK;
    uint32_t end = part->offset + (uint32_t)part->octets.len;
    size_t known = 0;
    for (size_t i = first; i < first + blocks; i++)
        known += is_there(d, i);
    if (known)
        return known == blocks &&
               memcmp(d->octets + part->offset, part->octets.at, part->octets.len) == 0;
    if (part->more ? d->len && end > d->len : d->len || any_from(d, first + blocks))
        return false;
    if (!part->more)
        d->len = end;
    memcpy(d->octets + part->offset, part->octets.at, part->octets.len);
    for (size_t i = first; i < first + blocks; i++)
        d->there[i / 64] |= UINT64_C(1) << (i % 64);
    d->blocks_there += (uint32_t)blocks;
    return true;
}

static bool is_whole(const struct datagram_parts *d)
{
    return d->len && d->blocks_there == (d->len + BLOCK - 1) / BLOCK;
}

static enum reassembly_result deliver(struct reassembly *r, struct datagram_parts *d,
                                      struct packet *p)
{
    struct cursor c = cursor_of(bytes_of(d->octets, d->len));
    p->src_port = cursor_be16(&c);
    p->dst_port = cursor_be16(&c);
    size_t len = cursor_be16(&c);
    if (len < UDP_HEADER || len > d->len) {
        give_up(r, d);
        return REASSEMBLY_WAITS;
    }
    d->used = false;
    p->payload = bytes_of(d->octets + UDP_HEADER, len - UDP_HEADER);
    p->octets = d->len + (p->l3.at[0] >> 4 == 4 ? 20 : 40);
    p->fragment_later = false;
    return REASSEMBLY_WHOLE;
}

enum reassembly_result reassembly_take(struct reassembly *r, uint64_t time_ns, struct packet *p)
{
    struct part part;
    if (!p->fragment || p->protocol != PROTOCOL_UDP)
        return REASSEMBLY_WHOLE;
    if (!part_of(p, &part))
        return REASSEMBLY_DAMAGED;
    struct datagram_parts *d = datagram_of(r, time_ns, p);
    if (!add(d, &part)) {
        give_up(r, d);
        return REASSEMBLY_WAITS;
    }
    return is_whole(d) ? deliver(r, d, p) : REASSEMBLY_WAITS;
}

size_t reassembly_lost(struct reassembly *r)
{
    size_t lost = r->lost;
    r->lost = 0;
    return lost;
}

size_t reassembly_finish(struct reassembly *r)
{
    for (size_t i = 0; i < SLOTS && r->slots[i]; i++)
        if (r->slots[i]->used)
            give_up(r, r->slots[i]);
    return reassembly_lost(r);
}
