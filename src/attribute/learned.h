/* SPDX-License-Identifier: Apache-2.0 */
/* Names learned from DNS answers: which name a client was told is at an address, and until when.
 * Memory is fixed at creation; the entries seen longest ago give way. One thread. */
#ifndef TELLTALE_ATTRIBUTE_LEARNED_H
#define TELLTALE_ATTRIBUTE_LEARNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ip.h"

enum {
    LEARNED_TTL_MIN_S = 60, /* stub resolvers and browsers keep an answer at least so long */
    LEARNED_TTL_MAX_S = 86400,
    LEARNED_SLACK_MS = 2000, /* clocks and batching: a flow this little before its answer */
    LEARNED_HOLD_MS = 60000, /* after a labelled flow's end the client may reuse the address */
    LEARNED_NAMES_MAX = 4,   /* names told for one address that are kept a client */
};

struct learned;

/* `entries` pairs of client and address, `names` different names. */
struct learned *learned_new(size_t entries, size_t names);
void learned_free(struct learned *l);

/* `client` was told at time_ms that `name` is at `ip`. */
void learned_add(struct learned *l, const struct ip *client, const struct ip *ip, uint64_t time_ms,
                 uint32_t ttl_s, const char *name, size_t len);

struct learned_name {
    struct bytes name; /* valid until the next learned_add() */
    uint32_t number;   /* the same for the same name while it is kept */
    uint64_t asked_ms; /* the last answer not after the flow's start, as far as is known */
};

/* Names the client held for `ip` when the flow began, latest asked first. `client` NULL asks what
 * anybody was told. A flow that is then labelled by one of them keeps the name alive until its end
 * (learned_held). */
size_t learned_find(struct learned *l, const struct ip *client, const struct ip *ip,
                    uint64_t start_ms, struct learned_name ret[LEARNED_NAMES_MAX]);
void learned_held(struct learned *l, const struct ip *client, const struct ip *ip, uint32_t number,
                  uint64_t end_ms);

struct learned_counts {
    uint64_t answers, evicted, names_full;
};
struct learned_counts learned_counts(const struct learned *l);

#endif
