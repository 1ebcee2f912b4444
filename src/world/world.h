/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated worlds with known truth. docs/worlds.md has world.yaml's keys. */
#ifndef TELLTALE_WORLD_WORLD_H
#define TELLTALE_WORLD_WORLD_H

#include <stdint.h>

#include "base/error.h"

enum world_format {
    WORLD_IPFIX_FILE = 1, /* flows.ipfix */
    WORLD_IPFIX_PCAP = 2, /* ipfix.pcap: datagrams */
    WORLD_NETFLOW9 = 4,   /* netflow9.pcap */
    WORLD_NETFLOW5 = 8,   /* netflow5.pcap */
    WORLD_CSV = 16,       /* flows.csv */
};

struct world_setting {
    unsigned formats; /* enum world_format, or-ed */
    uint64_t seed;    /* 0: the world's own */
    double scale;     /* times the world's number of flows; 1 */
    void (*progress)(void *ctx, uint64_t done, uint64_t of);
    void *progress_ctx;
};

/* Simulates `path` (world.yaml) into folder `dir`, with truth.json in the report model's shape. */
int world_simulate(const char *path, const char *dir, const struct world_setting *setting,
                   struct error *err);

#endif
