/* SPDX-License-Identifier: Apache-2.0 */
/* Packets a second of the meter on one core: every capture given (or found in the folders given) is
 * loaded into memory, all are laid over each other in time, and the lot is metered again and again,
 * each round with other addresses and later times, so that every conversation is new.
 *
 *   meter_bench [--headers] [--rounds N] [--flows N] [--write FILE] CAPTURE|FOLDER...
 *
 * --write also writes the rounds as a pcap, for other programs to read. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/memory.h"
#include "input/capture.h"
#include "meter/meter.h"
#include "schema/values.h"

enum { ROUND_S = 300, BATCH_ROWS = 65536, SIGHTINGS = 65536, LINKTYPE_RAW = 101 };

/* Kept from its IP header on, as LINKTYPE_RAW: link headers differ between captures. */
struct item {
    uint64_t time_ns; /* from the start of its capture */
    uint32_t len, original_len;
    uint8_t *frame;
};

struct load {
    struct item *items;
    size_t count, room;
    uint64_t octets;
};

static void add_capture(struct load *load, const char *path)
{
    struct error err;
    struct stream *in;
    struct capture *c;
    if (stream_open(path, &in, &err) || capture_open(in, &c, &err)) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        return;
    }
    struct capture_packet p;
    uint64_t start_ns = UINT64_MAX;
    while (capture_next(c, &p) == CAPTURE_PACKET) {
        struct packet parsed;
        if (packet_parse(p.link_type, p.frame, p.original_len, &parsed) != REASON_COUNT)
            continue;
        if (load->count == load->room) {
            load->room = load->room ? load->room * 2 : 4096;
            load->items = memory_resize(load->items, load->room, sizeof *load->items);
        }
        if (start_ns == UINT64_MAX)
            start_ns = p.time_ns;
        uint64_t since_ns = p.time_ns > start_ns ? p.time_ns - start_ns : 0;
        uint64_t last_ns = (ROUND_S - 1) * 1000000000ull;
        uint32_t len = (uint32_t)parsed.l3.len;
        uint8_t *frame = memory_alloc(len + 1u);
        memcpy(frame, parsed.l3.at, len);
        load->items[load->count++] = (struct item){
            .time_ns = since_ns < last_ns ? since_ns : last_ns,
            .len = len,
            .original_len = parsed.octets > len ? parsed.octets : len,
            .frame = frame,
        };
        load->octets += parsed.octets;
    }
    capture_free(c);
}

static void add_path(struct load *load, const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        add_capture(load, path);
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        char name[4096];
        struct stat st;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.' && stat(name, &st) == 0 && S_ISREG(st.st_mode))
            add_capture(load, name);
    }
    closedir(dir);
}

static int by_time(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* Other addresses for the same conversations: both ends change alike. */
static void change_addresses(struct load *load, uint16_t change)
{
    for (size_t i = 0; i < load->count; i++) {
        struct item *it = &load->items[i];
        uint8_t *ip = it->frame;
        size_t src = ip[0] >> 4 == 4 ? 12 : 8, dst = ip[0] >> 4 == 4 ? 16 : 24;
        if (dst + 4 > it->len)
            continue;
        ip[src + 1] ^= (uint8_t)(change >> 8);
        ip[src + 2] ^= (uint8_t)change;
        ip[dst + 1] ^= (uint8_t)(change >> 8);
        ip[dst + 2] ^= (uint8_t)change;
    }
}

static FILE *pcap_open(const char *path)
{
    FILE *f = fopen(path, "wb");
    const uint32_t head[] = {0xa1b23c4d, 4u << 16 | 2u, 0, 0, 262144, LINKTYPE_RAW};
    if (f)
        fwrite(head, sizeof head, 1, f);
    return f;
}

static void pcap_write(FILE *f, const struct load *load, uint64_t base_ns)
{
    for (size_t i = 0; i < load->count; i++) {
        const struct item *it = &load->items[i];
        uint64_t at = base_ns + it->time_ns;
        const uint32_t record[] = {(uint32_t)(at / 1000000000ull), (uint32_t)(at % 1000000000ull),
                                   it->len, it->original_len};
        fwrite(record, sizeof record, 1, f);
        fwrite(it->frame, it->len, 1, f);
    }
}

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct result {
    uint64_t packets, rows, named, detected, answers;
    double cpu_s, best_rate;
};

static void count_rows(struct batch *b, struct result *r)
{
    r->rows += b->rows;
    for (size_t i = 0; i < b->rows; i++) {
        r->named += batch_name_kind(b)[i] != NAME_NONE;
        r->detected += batch_application(b)[i] != 0;
    }
    batch_clear(b);
}

static void run_round(struct meter *m, const struct load *load, uint64_t base_ns, struct batch *b,
                      struct sightings *seen, struct result *r)
{
    struct tally tally = {0};
    double from = cpu_s();
    for (size_t i = 0; i < load->count; i++) {
        const struct item *it = &load->items[i];
        meter_frame(m, base_ns + it->time_ns, LINKTYPE_RAW, bytes_of(it->frame, it->len),
                    it->original_len, b, seen, &tally);
        if (batch_room(b) < 2 * METER_ROWS_MAX)
            count_rows(b, r);
        if (seen->count > SIGHTINGS / 2) {
            r->answers += seen->count;
            seen->count = 0;
        }
    }
    double took = cpu_s() - from;
    r->cpu_s += took;
    r->packets += tally.kept;
    if ((double)tally.kept / took > r->best_rate)
        r->best_rate = (double)tally.kept / took;
}

int main(int argc, char **argv)
{
    struct load load = {0};
    struct meter_setting setting = meter_setting_default;
    int rounds = 20;
    const char *write = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--headers") == 0)
            setting.payload = false;
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            rounds = atoi(argv[++i]);
        else if (strcmp(argv[i], "--flows") == 0 && i + 1 < argc)
            setting.flows_max = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--write") == 0 && i + 1 < argc)
            write = argv[++i];
        else
            add_path(&load, argv[i]);
    }
    if (load.count == 0) {
        fprintf(stderr, "meter_bench: no packets; give captures or folders\n");
        return 2;
    }
    qsort(load.items, load.count, sizeof *load.items, by_time);
    FILE *pcap = write ? pcap_open(write) : NULL;
    setting.symbols = symbols_new(65536);
    struct meter *m = meter_new(&setting);
    struct batch *b = batch_new(STAGE_RECORD, BATCH_ROWS);
    struct sightings seen;
    sightings_init(&seen, SIGHTINGS);
    struct result r = {0};
    for (int round = 1; round <= rounds; round++) {
        change_addresses(&load, (uint16_t)(round * 257));
        uint64_t base_ns = (1500000000ull + (uint64_t)round * ROUND_S) * 1000000000ull;
        if (pcap)
            pcap_write(pcap, &load, base_ns);
        run_round(m, &load, base_ns, b, &seen, &r);
        change_addresses(&load, (uint16_t)(round * 257));
    }
    if (pcap)
        fclose(pcap);
    while (meter_finish(m, b))
        count_rows(b, &r);
    struct meter_counts counts;
    meter_count(m, &counts);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("packets %" PRIu64 " (%.0f octets each), conversations %" PRIu64 ", named %" PRIu64
           ", protocol known %" PRIu64 ", DNS answers %" PRIu64 "\n",
           r.packets, (double)load.octets / (double)load.count, r.rows, r.named, r.detected,
           r.answers + seen.count);
    printf("payload looked at in %.1f%% of packets; cut: flows %" PRIu64 ", probes %" PRIu64
           ", buffers %" PRIu64 "\n",
           100.0 * (double)counts.looked / (double)r.packets, counts.flows_cut, counts.probes_cut,
           counts.buffers_cut);
    printf("%.3f million packets/s mean, %.3f best round, %.0f ns a packet, peak %ld MB\n",
           (double)r.packets / r.cpu_s / 1e6, r.best_rate / 1e6, r.cpu_s * 1e9 / (double)r.packets,
           usage.ru_maxrss / 1024);
    sightings_done(&seen);
    batch_free(b);
    meter_free(m);
    symbols_free(setting.symbols);
    for (size_t i = 0; i < load.count; i++)
        free(load.items[i].frame);
    free(load.items);
    return 0;
}
