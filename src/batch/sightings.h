/* SPDX-License-Identifier: Apache-2.0 */
/* DNS answers seen on the wire (or told by an exporter): `client` was told at time_ms that `name`
 * is at `ip`, to be believed for ttl_s. They travel beside the record batches: whoever makes
 * records appends here, and the attribution reads them before the rows of the same round.
 * Fixed capacity; past it the oldest are overwritten and counted. Not shared by threads. */
#ifndef TELLTALE_BATCH_SIGHTINGS_H
#define TELLTALE_BATCH_SIGHTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

enum { SIGHTING_NAME_MAX = 255 };

struct sighting {
    uint64_t time_ms;
    struct ip client, ip;
    uint32_t ttl_s;
    uint8_t name_len;
    char name[SIGHTING_NAME_MAX]; /* lower case, no final dot; the name that was asked for */
};

struct sightings {
    struct sighting *rows;
    size_t count, capacity;
    uint64_t lost;
};

void sightings_init(struct sightings *s, size_t capacity);
void sightings_done(struct sightings *s);
void sightings_add(struct sightings *s, uint64_t time_ms, const struct ip *client,
                   const struct ip *ip, uint32_t ttl_s, const char *name, size_t name_len);

#endif
