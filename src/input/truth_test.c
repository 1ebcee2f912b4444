/* SPDX-License-Identifier: Apache-2.0 */
/* Captures made by others, read by us and by tshark 4.0: the same packets, the same 5-tuples, the
 * same packets, octets and times in both directions. Needs the shared captures; skips without them.
 *
 * The truth is keyed by the outermost IP header. One rule differs on purpose: tshark counts a
 * reassembled datagram's ports on its last fragment and none on the others, we give every fragment
 * the first one's ports. So where keys differ, sums over the pair of addresses are compared. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/memory.h"
#include "input/capture.h"
#include "wire/fragments.h"
#include "wire/packet.h"

struct flow {
    struct ip ip[2]; /* ordered: the smaller end first */
    uint16_t port[2];
    int protocol;                   /* -1: tshark did not say ("ext") */
    uint64_t packets[2], octets[2]; /* from end 0, from end 1 */
    uint64_t first_us, last_us;
    size_t order; /* in the file */
    char flags[8];
};

struct flows {
    struct flow *at;
    size_t count, size;
    uint64_t packets, not_ip;
};

struct totals {
    size_t captures, flows, equal, fragments, wrong, packet_count_wrong;
};

static struct flow *flows_add(struct flows *f)
{
    if (f->count == f->size) {
        f->size = f->size ? f->size * 2 : 64;
        f->at = memory_resize(f->at, f->size, sizeof *f->at);
    }
    memset(&f->at[f->count], 0, sizeof *f->at);
    f->at[f->count].order = f->count;
    return &f->at[f->count++];
}

static int by_key(const void *left, const void *right)
{
    const struct flow *a = left, *b = right;
    int c = memcmp(a->ip, b->ip, sizeof a->ip);
    if (c == 0)
        c = a->protocol - b->protocol;
    if (c == 0)
        c = a->port[0] - b->port[0];
    return c ? c : a->port[1] - b->port[1];
}

/* Puts the smaller end first. */
static void put_ends(struct flow *f, const struct ip *src, const struct ip *dst, uint16_t src_port,
                     uint16_t dst_port, uint64_t packets[2], uint64_t octets[2])
{
    int c = memcmp(src, dst, sizeof *src);
    int s = c > 0 || (c == 0 && src_port > dst_port);
    f->ip[s] = *src;
    f->ip[!s] = *dst;
    f->port[s] = src_port;
    f->port[!s] = dst_port;
    for (int i = 0; i < 2; i++) {
        f->packets[i ^ s] = packets[i];
        f->octets[i ^ s] = octets[i];
    }
}

static int by_key_and_order(const void *left, const void *right)
{
    const struct flow *a = left, *b = right;
    int c = by_key(a, b);
    return c ? c : a->order < b->order ? -1 : 1;
}

/* Rows of one key become one. As in the truth, the first time is that of the
 * first packet in the file, even where a later one is older. */
static void merge(struct flows *f)
{
    if (f->count)
        qsort(f->at, f->count, sizeof *f->at, by_key_and_order);
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct flow *to = kept ? &f->at[kept - 1] : NULL;
        const struct flow *from = &f->at[i];
        if (!to || by_key(to, from) != 0) {
            f->at[kept++] = *from;
            continue;
        }
        for (int d = 0; d < 2; d++) {
            to->packets[d] += from->packets[d];
            to->octets[d] += from->octets[d];
        }
        if (from->last_us > to->last_us)
            to->last_us = from->last_us;
        if (!to->flags[0])
            memcpy(to->flags, from->flags, sizeof to->flags);
    }
    f->count = kept;
}

static struct flows read_capture(const char *path)
{
    struct flows f = {0};
    struct stream *in;
    struct error err;
    assert_int_equal(stream_open(path, &in, &err), 0);
    struct capture *c;
    if (capture_open(in, &c, &err))
        return f;
    struct fragments *fragments = fragments_new(1024);
    struct capture_packet cp;
    while (capture_next(c, &cp) == CAPTURE_PACKET) {
        struct packet p;
        f.packets++;
        if (packet_parse(cp.link_type, cp.frame, cp.original_len, &p) != REASON_COUNT) {
            f.not_ip++;
            continue;
        }
        fragments_apply(fragments, cp.time_ns, &p);
        struct flow *flow = flows_add(&f);
        bool icmp = p.protocol == 1 || p.protocol == 58;
        put_ends(flow, &p.src, &p.dst, p.src_port, icmp ? 0 : p.dst_port, (uint64_t[]){1, 0},
                 (uint64_t[]){p.octets, 0});
        flow->protocol = p.protocol;
        flow->first_us = flow->last_us = cp.time_ns / 1000;
    }
    fragments_free(fragments);
    capture_free(c);
    merge(&f);
    return f;
}

static uint64_t time_us(const char *text)
{
    char *dot;
    uint64_t s = strtoull(text, &dot, 10);
    return s * 1000000 + (*dot == '.' ? strtoull(dot + 1, NULL, 10) : 0);
}

static int protocol_number(const char *text)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {{"TCP", 6},  {"UDP", 17}, {"ICMP", 1}, {"ICMPV6", 58}, {"SCTP", 132}, {"GRE", 47},
                 {"ESP", 50}, {"AH", 51},  {"IGMP", 2}, {"OSPF", 89},   {"ext", -1}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, text) == 0)
            return names[i].number;
    return atoi(text);
}

/* `column`: a2b packets, b2a packets, a2b octets, b2a octets. */
static void put_truth(struct flows *f, char *cells[], const int column[4])
{
    struct ip src, dst;
    memset(&dst, 0, sizeof dst); /* some rows leave "::" empty */
    assert_true(ip_parse(cells[1], strlen(cells[1]), &src));
    assert_true(!cells[3][0] || ip_parse(cells[3], strlen(cells[3]), &dst));
    struct flow *flow = flows_add(f);
    uint64_t n[4];
    for (int i = 0; i < 4; i++)
        n[i] = strtoull(cells[column[i]], NULL, 10);
    put_ends(flow, &src, &dst, (uint16_t)atoi(cells[2]), (uint16_t)atoi(cells[4]), n, n + 2);
    flow->protocol = protocol_number(cells[0]);
    flow->first_us = time_us(cells[5]);
    flow->last_us = time_us(cells[6]);
}

static size_t split(char *line, char *cells[], size_t max)
{
    size_t count = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *cell; count < max && (cell = strsep(&line, "\t"));)
        cells[count++] = cell;
    return count;
}

static struct flows read_tshark(const char *path)
{
    struct flows f = {0};
    char *line = NULL, *cells[32];
    size_t room = 0;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (getline(&line, &room, in) > 0) {
        if (line[0] == '#') {
            const char *packets = strstr(line, " packets="), *not_ip = strstr(line, " non_ip=");
            f.packets = strtoull(packets + 9, NULL, 10);
            f.not_ip = strtoull(not_ip + 8, NULL, 10);
        } else if (strncmp(line, "l4\t", 3) != 0 && split(line, cells, 32) >= 13) {
            put_truth(&f, cells, (const int[]){7, 9, 11, 12});
        }
    }
    free(line);
    fclose(in);
    return f;
}

/* The rows of `capture` in outermost_flows.tsv instead, where it has any. */
static void read_outermost(const char *path, const char *capture, struct flows *f)
{
    char *line = NULL, *cells[32];
    size_t room = 0;
    bool found = false;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (getline(&line, &room, in) > 0) {
        size_t count = split(line, cells, 32);
        if (count < 12 || strcmp(cells[0], capture) != 0)
            continue;
        if (!found)
            f->count = 0;
        found = true;
        put_truth(f, cells + 1, (const int[]){7, 8, 9, 10});
        if (count > 15)
            snprintf(f->at[f->count - 1].flags, sizeof f->at->flags, "%s", cells[15]);
    }
    free(line);
    fclose(in);
}

/* The truth's times went through a double: the last digit may be off by one. */
static bool near(uint64_t a_us, uint64_t b_us)
{
    return a_us - b_us + 1 <= 2;
}

static bool same_counts(const struct flow *a, const struct flow *b)
{
    return memcmp(a->packets, b->packets, sizeof a->packets) == 0 &&
           memcmp(a->octets, b->octets, sizeof a->octets) == 0 && near(a->first_us, b->first_us) &&
           near(a->last_us, b->last_us);
}

static struct flow sum_of_pair(const struct flows *f, const struct flow *pair)
{
    struct flow sum = {.first_us = UINT64_MAX};
    for (size_t i = 0; i < f->count; i++) {
        const struct flow *from = &f->at[i];
        if (memcmp(from->ip, pair->ip, sizeof from->ip) != 0)
            continue;
        for (int d = 0; d < 2; d++) {
            sum.packets[d] += from->packets[d];
            sum.octets[d] += from->octets[d];
        }
        if (from->first_us < sum.first_us)
            sum.first_us = from->first_us;
        if (from->last_us > sum.last_us)
            sum.last_us = from->last_us;
    }
    return sum;
}

static void print_flow(const char *whose, const struct flow *f)
{
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
    ip_print(&f->ip[0], a);
    ip_print(&f->ip[1], b);
    print_message("#   %s %d %s:%u %s:%u packets %lu %lu octets %lu %lu %lu-%lu %s\n", whose,
                  f->protocol, a, f->port[0], b, f->port[1], f->packets[0], f->packets[1],
                  f->octets[0], f->octets[1], f->first_us, f->last_us, f->flags);
}

static void compare(const char *name, const struct flows *ours, const struct flows *truth,
                    struct totals *t)
{
    size_t wrong = 0, fragments = 0;
    bool verbose = getenv("TELLTALE_VERBOSE") != NULL;
    for (size_t i = 0; i < truth->count; i++) {
        const struct flow *want = &truth->at[i];
        const struct flow *got = bsearch(want, ours->at, ours->count, sizeof *want, by_key);
        t->flows++;
        if (got && same_counts(got, want)) {
            t->equal++;
            continue;
        }
        struct flow left = sum_of_pair(ours, want), right = sum_of_pair(truth, want);
        if (same_counts(&left, &right)) {
            fragments++;
            if (verbose && !strchr(want->flags, 'f'))
                print_flow("pair", want);
            continue;
        }
        wrong++;
        if (verbose) {
            print_flow("want", want);
            if (got)
                print_flow("got ", got);
        }
    }
    for (size_t i = 0; i < ours->count; i++) {
        if (bsearch(&ours->at[i], truth->at, truth->count, sizeof *truth->at, by_key))
            continue;
        struct flow left = sum_of_pair(ours, &ours->at[i]);
        struct flow right = sum_of_pair(truth, &ours->at[i]);
        if (same_counts(&left, &right))
            continue;
        wrong++;
        if (verbose)
            print_flow("more", &ours->at[i]);
    }
    bool packets = ours->packets != truth->packets;
    if (wrong || packets || ours->not_ip != truth->not_ip)
        print_message("# %s: %zu of %zu flows differ, %zu by ports of fragments; packets %lu, %lu; "
                      "not IP %lu, %lu\n",
                      name, wrong, truth->count, fragments, ours->packets, truth->packets,
                      ours->not_ip, truth->not_ip);
    t->captures++;
    t->wrong += wrong;
    t->fragments += fragments;
    t->packet_count_wrong += packets;
}

static void one_capture(const char *base, const char *folder, const char *file, struct totals *t)
{
    char path[4096], name[600];
    snprintf(name, sizeof name, "%s/%s", folder, file);
    snprintf(path, sizeof path, "%s/pcap/%s", base, name);
    struct flows ours = read_capture(path);
    snprintf(path, sizeof path, "%s/truth/tshark_flows/%s.tsv", base, name);
    struct stat st;
    if (stat(path, &st) == 0) {
        struct flows truth = read_tshark(path);
        snprintf(path, sizeof path, "%s/truth/outermost_flows.tsv", base);
        read_outermost(path, name, &truth);
        merge(&truth);
        compare(name, &ours, &truth, t);
        free(truth.at);
    } else {
        print_message("# %s: no truth\n", name);
    }
    free(ours.at);
}

static void folder_of_captures(const char *base, const char *folder, struct totals *t)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/pcap/%s", base, folder);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.')
            one_capture(base, folder, e->d_name, t);
    closedir(dir);
}

static void captures_of_others_read_as_tshark_reads_them(void **state)
{
    (void)state;
    const char *source = getenv("TELLTALE_SOURCE");
    char base[2048];
    snprintf(base, sizeof base, "%s/../shared/data/captures", source ? source : ".");
    struct stat st;
    if (stat(base, &st) != 0)
        skip();
    static const char *const folders[] = {"arkime",  "ipfixprobe", "kp",    "mercury",
                                          "ndpi",    "ndpi42",     "slips", "suricata-verify",
                                          "tcpdump", "wireshark",  "zeek"};
    struct totals t = {0};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        folder_of_captures(base, folders[i], &t);
    print_message(
        "# %zu captures, %zu flows: %zu equal, %zu with fragments equal by pair, %zu wrong\n",
        t.captures, t.flows, t.equal, t.fragments, t.wrong);
    assert_true(t.captures > 0);
    assert_true((double)t.wrong < 0.01 * (double)t.flows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_of_others_read_as_tshark_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
