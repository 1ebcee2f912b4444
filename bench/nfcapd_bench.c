/* SPDX-License-Identifier: Apache-2.0 */
/* Records a second of CPU time from an nfcapd file with a prefix filter, beside nfdump on the same
 * file: `nfcapd_bench [FILE PREFIX]`. Without arguments a file of 4 million flows is made (six
 * elements each as nfcapd writes them of NetFlow 5, one flow in a thousand in the population) and
 * put into LZ4 by nfdump. Best of five rounds each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "decode/nfcapd.h"

enum { FLOWS = 4000000, FLOWS_A_BLOCK = 8000, FLOW_OCTETS = 124, ROUNDS = 5 };

static const uint64_t NOW_MS = UINT64_C(1491004800000);

static uint8_t *put(uint8_t *at, uint64_t value, size_t width)
{
    memcpy(at, &value, width);
    return at + width;
}

static uint8_t *put_element(uint8_t *at, unsigned id, unsigned octets)
{
    return put(put(at, id, 2), octets, 2);
}

static uint8_t *put_flow(uint8_t *at, struct random *r)
{
    uint64_t start = NOW_MS + random_below(r, 300000), packets = 1 + random_below(r, 100);
    uint64_t src = 10u << 24 | random_below(r, 1 << 20);
    if (random_below(r, 1000) == 0)
        src = (175u << 24 | 45u << 16 | 176u << 8) | random_below(r, 1024);
    at = put(put(put(put(at, 11, 2), FLOW_OCTETS, 2), 6, 2), 0, 2);
    at = put(put(put(at, 1, 2), 0, 1), 5, 1);
    at = put_element(at, 1, 52);
    at = put(put(put(at, start, 8), start + random_below(r, 60000), 8), NOW_MS + 360000, 8);
    at = put(put(at, packets, 8), packets * (40 + random_below(r, 1400)), 8);
    at = put(put(put(at, 1024 + random_below(r, 60000), 2), 443, 2), 6, 1);
    at = put(at, 0x1b, 3);
    at = put(put(put_element(at, 2, 12), src, 4), 20u << 24 | random_below(r, 1 << 20), 4);
    at = put(put(put(put_element(at, 4, 20), 7, 4), 8, 4), 0, 8);
    at = put(put(put_element(at, 7, 12), 64500 + random_below(r, 100), 4), 64400, 4);
    at = put(put_element(at, 10, 8), 0x0a000001, 4);
    return put(put_element(at, 12, 8), 0x0a000002, 4);
}

static uint8_t *put_exporter(uint8_t *at)
{
    at = put(put(put(at, 7, 2), 32, 2), 5, 4);
    at = put(put(put(at, 0, 8), 0x0a000002, 8), 2, 2);
    return put(put(at, 1, 2), 0, 4);
}

static void make_plain(const char *path)
{
    struct random r;
    uint8_t header[40] = {0}, *block = memory_alloc(44 + (size_t)FLOWS_A_BLOCK * FLOW_OCTETS);
    FILE *out = fopen(path, "wb");
    random_init(&r, 1);
    put(put(put(put(header, 0xa50c, 2), 2, 2), 0x01070100, 4), NOW_MS / 1000, 8);
    put(put(header + 32, 1 << 20, 4), FLOWS / FLOWS_A_BLOCK, 4);
    if (!out || fwrite(header, sizeof header, 1, out) != 1)
        exit(1);
    for (size_t n = 0; n < FLOWS; n += FLOWS_A_BLOCK) {
        uint8_t *at = put(put(block, FLOWS_A_BLOCK + 1, 4), 32 + FLOWS_A_BLOCK * FLOW_OCTETS, 4);
        at = put_exporter(put(at, 3, 4));
        for (size_t i = 0; i < FLOWS_A_BLOCK; i++)
            at = put_flow(at, &r);
        if (fwrite(block, (size_t)(at - block), 1, out) != 1)
            exit(1);
    }
    fclose(out);
    free(block);
}

static double cpu_s(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double ours(const char *path, const struct lpm *population, struct tally *ret)
{
    struct symbols *symbols = symbols_new(1000);
    struct coverage *coverage = coverage_new(100000);
    struct decode_setting setting = {
        .population = population, .symbols = symbols, .coverage = coverage};
    struct batch *out = batch_new(STAGE_RECORD, 2 * NFCAPD_ROWS_MAX);
    struct stream *stream;
    struct nfcapd *in;
    struct error err = {0};
    struct tally tally = {0};
    double start = cpu_s(RUSAGE_SELF);
    if (stream_open(path, &stream, &err) < 0 || nfcapd_open(stream, &setting, &in, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    while (nfcapd_next(in, out, &tally))
        if (batch_room(out) < NFCAPD_ROWS_MAX)
            batch_clear(out);
    nfcapd_free(in);
    double seconds = cpu_s(RUSAGE_SELF) - start;
    batch_free(out);
    coverage_free(coverage);
    symbols_free(symbols);
    *ret = tally;
    return seconds;
}

static double nfdumps(const char *path, const char *prefix)
{
    char command[4000];
    snprintf(command, sizeof command, "nfdump -r '%s' -o null 'net %s' >/dev/null 2>&1", path,
             prefix);
    double start = cpu_s(RUSAGE_CHILDREN);
    return system(command) == 0 ? cpu_s(RUSAGE_CHILDREN) - start : 0;
}

static void compare(const char *path, const char *prefix)
{
    struct prefix p;
    struct lpm *population = lpm_new();
    if (!prefix_parse(prefix, strlen(prefix), true, &p)) {
        fprintf(stderr, "%s: not a prefix\n", prefix);
        exit(2);
    }
    lpm_add(population, &p, 1);
    lpm_seal(population);
    struct tally filtered, all;
    double best = 1e9, best_all = 1e9, best_nfdump = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double s = ours(path, population, &filtered), n = nfdumps(path, prefix);
        double a = ours(path, NULL, &all);
        best = s < best ? s : best;
        best_all = a < best_all ? a : best_all;
        best_nfdump = n > 0 && n < best_nfdump ? n : best_nfdump;
    }
    double records = (double)filtered.records;
    printf("telltale, %.2f%% kept  %6.1f million records a core-second\n",
           100.0 * (double)filtered.kept / records, records / best / 1e6);
    printf("telltale, all kept    %6.1f\n", (double)all.records / best_all / 1e6);
    if (best_nfdump < 1e9)
        printf("nfdump, same filter   %6.1f; telltale is %.2f times as fast\n",
               records / best_nfdump / 1e6, best_nfdump / best);
    lpm_free(population);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        compare(argv[1], argv[2]);
        return 0;
    }
    char plain[100], packed[120], command[400];
    snprintf(plain, sizeof plain, "/tmp/nfcapd_bench-%d", (int)getpid());
    snprintf(packed, sizeof packed, "%s-lz4", plain);
    snprintf(command, sizeof command, "nfdump -y -r %s -w %s >/dev/null 2>&1", plain, packed);
    make_plain(plain);
    int status = system(command);
    compare(status == 0 ? packed : plain, "175.45.176.0/22");
    unlink(plain);
    unlink(packed);
    return 0;
}
