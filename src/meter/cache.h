/* SPDX-License-Identifier: Apache-2.0 */
/* The flow cache: conversations by 5-tuple in a fixed number of entries, and which of them has been
 * idle longest. Knows nothing of payload and rows. Not shared by threads. */
#ifndef TELLTALE_METER_CACHE_H
#define TELLTALE_METER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "meter/name.h"
#include "meter/told.h"

/* Both ends in the order of the first packet: [0] sent it. */
struct flow_key {
    struct ip ip[2];
    uint16_t port[2];
    uint8_t protocol;
};

enum {
    FLOW_CLOSED = 1, /* FIN or RST was seen */
    FLOW_LOOKED = 2, /* payload no longer matters */
    FLOW_TOLD = 4    /* cache_told() is filled */
};

/* One conversation: two cache lines, the first for finding it, the second for counting. */
struct flow {
    struct flow_key key;
    uint8_t opener, name_kind, state, flags[2], slot; /* `slot` of the wheel */
    uint16_t marks;
    uint32_t hash, next;       /* next in its bucket */
    uint32_t later, earlier;   /* neighbours in its slot of the wheel */
    uint64_t start_ms, end_ms; /* of this slice */
    uint64_t packets[2], octets[2];
    uint32_t isn;         /* TCP: sequence number of the opening SYN; ICMP: type * 256 + code */
    uint32_t application; /* symbols code */
    uint32_t probe;       /* what looks at its payload; 0: nothing */
};

struct cache;

/* `count_max` conversations; one without packets for more than `idle_ms` is over. */
struct cache *cache_new(size_t count_max, uint32_t idle_ms);
void cache_free(struct cache *c);

/* Entries have numbers from 1 on; a pointer is valid until cache_free(). */
struct flow *cache_at(const struct cache *c, uint32_t index);
/* Room for the entry's server name; meaningful while its name_kind is set. */
struct name *cache_name(const struct cache *c, uint32_t index);

/* The same for what else its payload told; meaningful while its state has FLOW_TOLD. */
struct told *cache_told(const struct cache *c, uint32_t index);

uint32_t cache_hash(const struct cache *c, const struct flow_key *key);
/* The conversation of this key in either direction, 0 when there is none; `*direction` is 1 when
 * the key is turned round. */
uint32_t cache_find(const struct cache *c, const struct flow_key *key, uint32_t hash,
                    unsigned *direction);
/* A new entry, counters zero, times `time_ms`; 0 when the cache is full. */
uint32_t cache_add(struct cache *c, const struct flow_key *key, uint32_t hash, uint64_t time_ms);
void cache_remove(struct cache *c, uint32_t index);

/* Moves the clock: a little late is late, much earlier than what came before is a new start. */
void cache_clock(struct cache *c, uint64_t time_ms);
/* The next conversation that is over by now, 0 when there is none or `*budget` looks are spent. It
 * stays until cache_remove(). */
uint32_t cache_idle(struct cache *c, unsigned *budget);
/* The one idle longest, to the second or so; 0 when the cache is empty. */
uint32_t cache_oldest(struct cache *c);
/* Any conversation, in a fixed order; 0 when the cache is empty. */
uint32_t cache_any(struct cache *c);

bool cache_is_over(const struct cache *c, const struct flow *f, uint64_t time_ms);
size_t cache_count(const struct cache *c);

#endif
