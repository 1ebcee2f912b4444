/* SPDX-License-Identifier: Apache-2.0 */
/* Records a second from datagrams in memory: NetFlow 5, 9 and IPFIX, with everything kept and with
 * one record in a thousand in the population. One core. Prints one line a case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/random.h"
#include "decode/decode.h"

enum { DATAGRAMS = 4096, ROUNDS_MS = 1500, ROOM = 1500 };

struct feed {
    uint8_t (*octets)[ROOM];
    size_t *len;
    size_t records;
};

static uint8_t *put(uint8_t *at, uint64_t value, size_t width)
{
    for (size_t i = width; i-- > 0;)
        *at++ = (uint8_t)(value >> (8 * i));
    return at;
}

static const uint32_t NOW_S = 1491004800;

/* One in a thousand has its source in 175.45.176.0/22. */
static uint8_t *put_addresses(uint8_t *at, struct random *r)
{
    uint32_t inside = 175u << 24 | 45u << 16 | 176u << 8;
    uint32_t src = 10u << 24 | (uint32_t)random_below(r, 1 << 24);
    if (random_below(r, 1000) == 0)
        src = inside | (uint32_t)random_below(r, 1024);
    at = put(at, src, 4);
    return put(at, 20u << 24 | (uint32_t)random_below(r, 1 << 24), 4);
}

static uint8_t *put_v5_record(uint8_t *at, struct random *r)
{
    at = put_addresses(at, r);
    at = put(at, 0, 8);
    at = put(at, 10, 4);
    at = put(at, 1000 + random_below(r, 100000), 4);
    at = put(at, 990000, 4);
    at = put(at, 995000, 4);
    at = put(at, 1024 + random_below(r, 60000), 2);
    at = put(at, 443, 2);
    at = put(at, 0x18, 2);
    at = put(at, 6, 1);
    return put(at, 0, 9 - 1) + 1;
}

static void make_v5(struct feed *f, struct random *r)
{
    for (size_t i = 0; i < DATAGRAMS; i++) {
        uint8_t *at = put(put(f->octets[i], 5, 2), 30, 2);
        at = put(put(put(at, 1000000, 4), NOW_S, 4), 0, 4);
        at = put(put(at, i * 30, 4), 0, 4);
        for (int k = 0; k < 30; k++)
            at = put_v5_record(at, r);
        f->len[i] = (size_t)(at - f->octets[i]);
        f->records += 30;
    }
}

struct spec {
    uint16_t id, width;
};
/* The 20 elements a router's default record has (NetFlow 9), and a usual IPFIX one. */
static const struct spec v9_fields[] = {
    {8, 4},  {12, 4}, {15, 4}, {10, 4}, {14, 4}, {2, 4}, {1, 4}, {22, 4}, {21, 4}, {7, 2},
    {11, 2}, {16, 4}, {17, 4}, {9, 1},  {13, 1}, {6, 1}, {4, 1}, {5, 1},  {61, 1}, {48, 1}};
static const struct spec ipfix_fields[] = {{8, 4},  {12, 4}, {7, 2}, {11, 2},  {4, 1},
                                           {6, 2},  {2, 8},  {1, 8}, {152, 8}, {153, 8},
                                           {10, 4}, {14, 4}, {5, 1}, {136, 1}};

static uint8_t *put_template(uint8_t *at, const struct spec *fields, size_t count, unsigned set)
{
    at = put(put(at, set, 2), 8 + 4 * count, 2);
    at = put(put(at, 256, 2), count, 2);
    for (size_t i = 0; i < count; i++)
        at = put(put(at, fields[i].id, 2), fields[i].width, 2);
    return at;
}

static uint8_t *put_record(uint8_t *at, const struct spec *fields, size_t count, struct random *r)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = random_below(r, 200);
        switch (fields[i].id) {
        case 8:
            at = put_addresses(at, r);
            continue;
        case 12:
            continue;
        case 4:
            value = 6;
            break;
        case 21:
        case 22:
            value = 990000 + fields[i].id;
            break;
        case 152:
        case 153:
            value = NOW_S * UINT64_C(1000) - 200 + fields[i].id;
            break;
        default:
            break;
        }
        at = put(at, value, fields[i].width);
    }
    return at;
}

static void make_flowset(struct feed *f, struct random *r, bool netflow9)
{
    const struct spec *fields = netflow9 ? v9_fields : ipfix_fields;
    size_t count = netflow9 ? sizeof v9_fields / sizeof v9_fields[0]
                            : sizeof ipfix_fields / sizeof ipfix_fields[0];
    size_t width = 0, header = netflow9 ? 20 : 16;
    for (size_t i = 0; i < count; i++)
        width += fields[i].width;
    size_t each = (1400 - header - 4) / width;
    for (size_t i = 0; i < DATAGRAMS; i++) {
        uint8_t *start = f->octets[i], *at = start + header;
        if (i == 0) {
            at = put_template(at, fields, count, netflow9 ? 0 : 2);
        } else {
            at = put(put(at, 256, 2), 4 + each * width, 2);
            for (size_t k = 0; k < each; k++)
                at = put_record(at, fields, count, r);
            f->records += each;
        }
        f->len[i] = (size_t)(at - start);
        if (netflow9) {
            at = put(put(start, 9, 2), each, 2);
            at = put(put(at, 1000000, 4), NOW_S, 4);
        } else {
            at = put(put(put(start, 10, 2), f->len[i], 2), NOW_S, 4);
        }
        put(put(at, i, 4), 0, 4);
    }
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(const char *name, const struct feed *f, const struct lpm *population)
{
    struct symbols *symbols = symbols_new(1000);
    struct coverage *coverage = coverage_new(1000);
    struct decode_setting setting = {.limits = decode_limits_default,
                                     .population = population,
                                     .symbols = symbols,
                                     .coverage = coverage};
    struct decoder *d = decoder_new(&setting);
    struct batch *out = batch_new(STAGE_RECORD, 2 * DECODE_ROWS_MAX);
    struct tally tally = {0};
    double start = now_s(), seconds;
    do {
        for (size_t i = 0; i < DATAGRAMS; i++) {
            struct datagram in = {.arrival_ms = NOW_S * UINT64_C(1000),
                                  .payload = bytes_of(f->octets[i], f->len[i])};
            /* Rows stay in the cache, as where a consumer takes them at once. */
            if (out->rows > 8192 || batch_room(out) < DECODE_ROWS_MAX)
                batch_clear(out);
            decoder_datagram(d, &in, out, &tally);
        }
        seconds = now_s() - start;
    } while (seconds * 1000 < ROUNDS_MS);
    printf("%-22s %7.1f million records a second, %5.2f%% kept\n", name,
           (double)tally.records / seconds / 1e6,
           100.0 * (double)tally.kept / (double)tally.records);
    if (!tally_balanced(&tally) || tally.rejected)
        printf("%-22s rejected %lu\n", name, (unsigned long)tally.rejected);
    decoder_free(d);
    batch_free(out);
    coverage_free(coverage);
    symbols_free(symbols);
}

int main(void)
{
    const char *prefixes[] = {"175.45.176.0/22", "210.52.109.0/24", "77.94.35.0/24"};
    struct lpm *population = lpm_new();
    for (uint32_t i = 0; i < 3; i++) {
        struct prefix p;
        prefix_parse(prefixes[i], strlen(prefixes[i]), true, &p);
        lpm_add(population, &p, i);
    }
    lpm_seal(population);
    const char *names[] = {"NetFlow 5", "NetFlow 9", "IPFIX"};
    for (int kind = 0; kind < 3; kind++) {
        struct random r;
        struct feed f = {.octets = memory_array(DATAGRAMS, ROOM),
                         .len = memory_array(DATAGRAMS, sizeof(size_t))};
        random_init(&r, 1);
        if (kind == 0)
            make_v5(&f, &r);
        else
            make_flowset(&f, &r, kind == 1);
        char name[40];
        snprintf(name, sizeof name, "%s, all kept", names[kind]);
        run(name, &f, NULL);
        snprintf(name, sizeof name, "%s, 0.1%% kept", names[kind]);
        run(name, &f, population);
        free(f.octets);
        free(f.len);
    }
    lpm_free(population);
    return 0;
}
