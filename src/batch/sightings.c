/* SPDX-License-Identifier: Apache-2.0 */
#include "batch/sightings.h"

#include <string.h>

#include "base/memory.h"

void sightings_init(struct sightings *s, size_t capacity)
{
    *s = (struct sightings){.rows = memory_array(capacity, sizeof *s->rows), .capacity = capacity};
}

void sightings_done(struct sightings *s)
{
    free(s->rows);
    *s = (struct sightings){0};
}

void sightings_add(struct sightings *s, uint64_t time_ms, const struct ip *client,
                   const struct ip *ip, uint32_t ttl_s, const char *name, size_t name_len)
{
    if (name_len == 0 || name_len > SIGHTING_NAME_MAX || s->capacity == 0)
        return;
    if (s->count == s->capacity) {
        s->count--;
        memmove(s->rows, s->rows + 1, s->count * sizeof *s->rows);
        s->lost++;
    }
    struct sighting *row = &s->rows[s->count++];
    row->time_ms = time_ms;
    row->client = *client;
    row->ip = *ip;
    row->ttl_s = ttl_s;
    row->name_len = (uint8_t)name_len;
    memcpy(row->name, name, name_len);
}
