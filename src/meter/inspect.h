/* SPDX-License-Identifier: Apache-2.0 */
/* What looks at payload: for each conversation a probe, from a fixed pool, as long as its server
 * name or its protocol is not known and its packets to look at are not used up; and buffers, from
 * another pool, for a name that is spread over packets. When a pool is empty the holder that has
 * made no progress for longest loses its place, and that is counted. Not shared by threads. */
#ifndef TELLTALE_METER_INSPECT_H
#define TELLTALE_METER_INSPECT_H

#include "batch/sightings.h"
#include "meter/cache.h"
#include "schema/symbols.h"
#include "wire/packet.h"

struct inspect_setting {
    size_t packets;    /* looked at per conversation at most */
    size_t probes_max; /* conversations looked at at the same time */
    size_t buffers_max;
    struct cache *cache; /* whose flows are looked at */
    struct symbols *symbols;
};

struct inspect_counts {
    uint64_t looked;     /* packets whose payload was looked at */
    uint64_t probes_cut; /* conversations that lost their probe to another one */
    uint64_t buffers_cut;
};

struct inspect;

struct inspect *inspect_new(const struct inspect_setting *setting);
void inspect_free(struct inspect *in);

/* Looks at one packet with payload of a flow that is not FLOW_LOOKED yet. May fill the flow's name,
 * application and marks, and sets FLOW_LOOKED when it need not be called again. The answers of DNS
 * over TCP go to `seen` (which may be NULL). */
void inspect_packet(struct inspect *in, uint32_t index, const struct packet *p, unsigned direction,
                    uint64_t time_ms, struct sightings *seen);
/* Notes the application as far as it is known; the flow goes on. */
void inspect_note(struct inspect *in, uint32_t index);
/* The flow ends: settles its application and frees its probe. */
void inspect_end(struct inspect *in, uint32_t index);

const struct inspect_counts *inspect_counts(const struct inspect *in);

#endif
