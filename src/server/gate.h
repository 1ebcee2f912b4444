/* SPDX-License-Identifier: Apache-2.0 */
/* Who may export, how fast, and what each sent. Bounded: forged sources cannot push out an exporter
 * whose records could be decoded while there are others. One thread writes; counters may be read
 * by others for display. */
#ifndef TELLTALE_SERVER_GATE_H
#define TELLTALE_SERVER_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/lpm.h"

struct sender {
    struct ip ip;
    bool used;
    uint64_t datagrams, octets, limited; /* limited: dropped by the rate limit */
    uint64_t records, kept, rejected, no_template;
    uint64_t first_ms, last_ms; /* arrival, ms since 1970 UTC */
    /* Arrival less the time its exports say, s; the least and greatest so far. INT64_MAX: none
     * said. */
    int64_t behind_min_s, behind_max_s;
    uint32_t sampling_min, sampling_max; /* that its records told; 0: none yet */
    double tokens;
};

struct gate;

/* `allowed` (may be NULL: everybody) is borrowed. `rate`: datagrams a second for each sender, 0
 * for no limit; a second's worth may come at once. */
struct gate *gate_new(const struct lpm *allowed, double rate, size_t senders_max);
void gate_free(struct gate *g);
void gate_allow(struct gate *g, const struct lpm *allowed);

/* The sender to count the datagram for, or NULL when it is turned away (and counted). */
struct sender *gate_pass(struct gate *g, const struct ip *ip, size_t octets, uint64_t now_ms);

/* NULL when it was never heard, or forgotten. */
struct sender *gate_find(struct gate *g, const struct ip *ip);

struct gate_counts {
    uint64_t strangers; /* datagrams from addresses that are not allowed */
    uint64_t limited;   /* datagrams past the rate */
    uint64_t forgotten; /* senders whose counters made room for others */
};
struct gate_counts gate_counts(const struct gate *g);
/* Senders in no order; returns how many there are, fills at most `room`. */
size_t gate_senders(const struct gate *g, const struct sender **ret, size_t room);

#endif
