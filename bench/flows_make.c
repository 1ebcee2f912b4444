/* SPDX-License-Identifier: Apache-2.0 */
/* A study's worth of flows to measure with: `flows_make FOLDER MILLIONS [DAYS [ONE_IN]]` writes
 * nfcapd files (layout 2, LZ4), one a day, of MILLIONS million distinct biflows.
 *
 * 1,024 local hosts (175.45.176.0/22) of very unequal rates, a daily rhythm, 200,000 remote
 * addresses by Zipf's law of which every host has favourites of its own, source ports that count up
 * per host, log-normal lengths and sizes, records in the order of their ends. ONE_IN n: only one
 * record in n has a local host (the others lie between addresses that are nobody's), for measuring
 * the filter. Nothing of it is meant to look like a population to the analyses: it is load with the
 * entropy that real flows have. */
#include <lz4.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

enum {
    HOSTS = 1024,
    REMOTES = 200000,
    FAVOURITES = 64,
    FLOWS_A_BLOCK = 8000,
    FLOW_OCTETS = 104,
    HOST_TABLE = 1 << 16,
    REMOTE_TABLE = 1 << 22,
    NORMALS = 1 << 16,
};

static const uint64_t FIRST_MS = UINT64_C(1490974200000); /* 2017-04-01 00:00 in Pyongyang */
#define DAY_MS UINT64_C(86400000)

struct host {
    uint16_t port;
    uint32_t favourites[FAVOURITES];
};

struct maker {
    struct random r;
    struct host hosts[HOSTS];
    uint16_t by_rate[HOST_TABLE]; /* a uniform index picks a host by its rate */
    uint32_t *by_rank;            /* ... a remote by Zipf's law */
    float normals[NORMALS];
    uint8_t *block, *at, *packed;
    size_t count;
    uint32_t blocks;
    FILE *out;
    unsigned one_in;
};

/* --- who --- */

static void fill_by_weight(void *table, size_t size, size_t width, const double *weights,
                           size_t count)
{
    double sum = 0, upto = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        sum += weights[i];
    for (size_t i = 0; i < count; i++) {
        upto += weights[i];
        size_t end = i + 1 == count ? size : (size_t)(upto / sum * (double)size);
        for (; at < end; at++)
            if (width == 2)
                ((uint16_t *)table)[at] = (uint16_t)i;
            else
                ((uint32_t *)table)[at] = (uint32_t)i;
    }
}

static void make_world(struct maker *m)
{
    double *weights = memory_array(REMOTES, sizeof *weights);
    random_init(&m->r, 1);
    for (size_t i = 0; i < HOSTS; i++)
        weights[i] = exp(1.5 * random_normal(&m->r));
    fill_by_weight(m->by_rate, HOST_TABLE, 2, weights, HOSTS);
    for (size_t i = 0; i < REMOTES; i++)
        weights[i] = 1 / pow((double)i + 3, 1.05);
    m->by_rank = memory_array(REMOTE_TABLE, sizeof *m->by_rank);
    fill_by_weight(m->by_rank, REMOTE_TABLE, 4, weights, REMOTES);
    free(weights);
    for (size_t h = 0; h < HOSTS; h++) {
        m->hosts[h].port = (uint16_t)random_u64(&m->r);
        for (size_t f = 0; f < FAVOURITES; f++)
            m->hosts[h].favourites[f] = m->by_rank[random_below(&m->r, REMOTE_TABLE)];
    }
    for (size_t i = 0; i < NORMALS; i++)
        m->normals[i] = (float)random_normal(&m->r);
}

/* An address for a rank: the same rank the same address, spread over what is announced. */
static uint32_t remote_address(uint32_t rank)
{
    uint64_t x = (rank + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 31;
    uint32_t a = (uint32_t)(x >> 16);
    uint32_t first = 1 + (a >> 24) % 222;
    first = first == 10 || first == 127 || first == 175 ? 23 : first;
    return first << 24 | (a & 0xffffff);
}

static uint16_t remote_port(uint32_t rank)
{
    static const uint16_t ports[] = {443, 443, 443, 443, 443, 443,  80,   80,
                                     80,  53,  53,  123, 993, 5222, 6881, 8080};
    return ports[rank * UINT32_C(2654435761) >> 28];
}

/* --- what --- */

static uint8_t *put(uint8_t *at, uint64_t value, size_t width)
{
    memcpy(at, &value, width);
    return at + width;
}

static uint8_t *put_element(uint8_t *at, unsigned id, unsigned octets)
{
    return put(put(at, id, 2), octets, 2);
}

struct flow {
    uint64_t start_ms, end_ms, packets[2], octets[2];
    uint32_t src, dst;
    uint16_t src_port, dst_port;
    uint8_t protocol, flags;
};

static uint8_t *put_flow(uint8_t *at, const struct flow *f)
{
    at = put(put(put(put(at, 11, 2), FLOW_OCTETS, 2), 3, 2), 0, 2);
    at = put(put(put(at, 1, 2), 0, 1), 5, 1);
    at = put_element(at, 1, 52);
    at = put(put(put(at, f->start_ms, 8), f->end_ms, 8), f->end_ms, 8);
    at = put(put(at, f->packets[0], 8), f->octets[0], 8);
    at = put(put(put(at, f->src_port, 2), f->dst_port, 2), f->protocol, 1);
    at = put(at, f->flags, 3);
    at = put(put(put_element(at, 2, 12), f->src, 4), f->dst, 4);
    return put(put(put(put_element(at, 5, 28), 1, 8), f->packets[1], 8), f->octets[1], 8);
}

static struct flow flow_of(struct maker *m, uint64_t end_ms)
{
    uint64_t x = random_u64(&m->r), y = random_u64(&m->r);
    size_t h = m->by_rate[x & (HOST_TABLE - 1)];
    struct host *host = &m->hosts[h];
    uint32_t rank = x >> 16 & 1 ? host->favourites[x >> 17 & (FAVOURITES - 1)]
                                : m->by_rank[x >> 24 & (REMOTE_TABLE - 1)];
    float length = m->normals[y & 0xffff], size = m->normals[y >> 16 & 0xffff];
    struct flow f = {.end_ms = end_ms, .dst_port = remote_port(rank), .dst = remote_address(rank)};
    bool is_short = f.dst_port == 53 || f.dst_port == 123;
    f.protocol = is_short || f.dst_port == 6881 ? 17 : 6;
    f.flags = f.protocol == 6 ? (y >> 32 & 7 ? 0x1b : 0x1e) : 0;
    host->port = (uint16_t)(host->port + 1 + (y >> 36 & 3));
    if (host->port < 1024)
        host->port = 1024;
    f.src_port = host->port;
    f.src = (175u << 24 | 45u << 16 | 176u << 8) + (uint32_t)h;
    if (m->one_in > 1 && (y >> 40) % m->one_in)
        f.src = 20u << 24 | (uint32_t)(y >> 40);
    uint64_t span = is_short ? 1 + (y >> 38 & 127) : (uint64_t)expf(8.0f + 2.0f * length);
    f.start_ms = end_ms - (span < 1800000 ? span : 1800000);
    f.packets[0] = is_short ? 1 : 3 + (uint64_t)expf(2.0f + 1.2f * size + 0.3f * length);
    f.packets[1] = is_short ? 1 : 2 + f.packets[0] * (2 + (y >> 44 & 15)) / 8;
    f.octets[0] = f.packets[0] * (52 + (y >> 48 & 63)) + (y >> 52 & 255);
    f.octets[1] = f.packets[1] * (is_short ? 120 : 400 + (y >> 54 & 1023));
    return f;
}

/* --- files --- */

static void write_block(struct maker *m)
{
    size_t plain = (size_t)(m->at - m->block);
    int packed = LZ4_compress_default((const char *)m->block, (char *)m->packed, (int)plain,
                                      LZ4_compressBound(FLOWS_A_BLOCK * FLOW_OCTETS));
    uint8_t header[12];
    if (m->count == 0)
        return;
    put(put(put(header, m->count, 4), (uint64_t)packed, 4), 3, 4);
    if (packed <= 0 || fwrite(header, sizeof header, 1, m->out) != 1 ||
        fwrite(m->packed, (size_t)packed, 1, m->out) != 1) {
        perror("flows_make");
        exit(1);
    }
    m->blocks++;
    m->count = 0;
    m->at = m->block;
}

static void write_header(struct maker *m, uint64_t ms)
{
    uint8_t header[40] = {0};
    put(put(put(put(header, 0xa50c, 2), 2, 2), 0x01070100, 4), ms / 1000, 8);
    header[16] = 3; /* LZ4 */
    put(put(header + 32, 1 << 20, 4), m->blocks, 4);
    if (fseek(m->out, 0, SEEK_SET) != 0 || fwrite(header, sizeof header, 1, m->out) != 1) {
        perror("flows_make");
        exit(1);
    }
}

/* The rhythm of a day: most in the evening, few at night. */
static double level(double share_of_day)
{
    return 1 + 0.8 * sin(2 * 3.14159265358979 * (share_of_day - 0.4));
}

static void make_day(struct maker *m, const char *folder, unsigned day, uint64_t flows)
{
    enum { STEPS = 1440 };
    char path[4096];
    uint64_t begin = FIRST_MS + day * DAY_MS, made = 0;
    snprintf(path, sizeof path, "%s/nfcapd.%04u", folder, day);
    if (!(m->out = fopen(path, "wb"))) {
        perror(path);
        exit(1);
    }
    m->blocks = 0;
    write_header(m, begin);
    double sum = 0, upto = 0;
    for (int i = 0; i < STEPS; i++)
        sum += level((double)i / STEPS);
    for (int i = 0; i < STEPS; i++) {
        upto += level((double)i / STEPS);
        uint64_t until = i + 1 == STEPS ? flows : (uint64_t)(upto / sum * (double)flows);
        uint64_t here = until - made, step_ms = DAY_MS / STEPS;
        for (uint64_t n = 0; n < here; n++) {
            struct flow f = flow_of(m, begin + (uint64_t)i * step_ms + n * step_ms / here);
            m->at = put_flow(m->at, &f);
            if (++m->count == FLOWS_A_BLOCK)
                write_block(m);
        }
        made = until;
    }
    write_block(m);
    write_header(m, begin);
    fclose(m->out);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "flows_make FOLDER MILLIONS [DAYS [ONE_IN]]\n");
        return 2;
    }
    struct maker *m = memory_alloc(sizeof *m);
    uint64_t flows = (uint64_t)(atof(argv[2]) * 1e6);
    unsigned days = argc > 3 ? (unsigned)atoi(argv[3]) : 97;
    m->one_in = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
    m->at = m->block = memory_alloc(FLOWS_A_BLOCK * FLOW_OCTETS);
    m->packed = memory_alloc((size_t)LZ4_compressBound(FLOWS_A_BLOCK * FLOW_OCTETS));
    make_world(m);
    for (unsigned d = 0; d < days; d++)
        make_day(m, argv[1], d, flows * (d + 1) / days - flows * d / days);
    printf("%llu flows in %u files\n", (unsigned long long)flows, days);
    return 0;
}
