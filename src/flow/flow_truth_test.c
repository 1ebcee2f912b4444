/* SPDX-License-Identifier: Apache-2.0 */
/* Who opened, against the first packet of each conversation (what tshark shows first), over
 * captures made by others: metered as packets are, and told as an exporter would: one record a
 * direction, with TCP flags and without, with times in milliseconds and in whole seconds (where the
 * order of the two directions is mostly lost). Needs the shared captures; skips without them.
 *
 * The first packet tells who opened where it is an opening: a SYN, or its answer SYN-ACK, whose
 * receiver opened; for UDP any packet that is not by its own header an answer (DNS). Captures that
 * begin in the middle of a TCP conversation show only who happened to speak next: those are printed
 * apart. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/memory.h"
#include "flow/flow.h"
#include "input/capture.h"
#include "meter/meter.h"
#include "schema/values.h"
#include "wire/packet.h"

enum { FLOWS_MAX = 4000, RECORDS_MAX = 2 * FLOWS_MAX };

struct first {
    struct ip src, dst;
    uint16_t src_port, dst_port;
    uint8_t protocol;
    bool opening; /* the first packet tells who opened: src did */
};

enum kind { TCP_BOTH, TCP_ONE_WAY, TCP_BEGUN_BEFORE, UDP_BOTH, UDP_ONE_WAY, KINDS };

struct score {
    size_t right[KINDS], all[KINDS];
};

static const struct score *verbose;

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* An answer by its own header: DNS with QR set, from the port that is asked (RFC 1035). */
static bool is_answer(const struct packet *p)
{
    return p->protocol == 17 && p->src_port == 53 && p->dst_port != 53 && p->payload.len >= 12 &&
           (p->payload.at[2] & 0x80);
}

static struct first first_of(const struct packet *p)
{
    struct first f = {p->src, p->dst, p->src_port, p->dst_port, p->protocol, true};
    bool syn_ack = p->protocol == 6 && (p->tcp_flags & (SYN | ACK)) == (SYN | ACK);
    if (syn_ack || is_answer(p))
        f = (struct first){p->dst, p->src, p->dst_port, p->src_port, p->protocol, true};
    if (p->protocol == 6 && !(p->tcp_flags & SYN))
        f.opening = false;
    return f;
}

struct capture_records {
    struct batch *b;
    struct first firsts[FLOWS_MAX];
    size_t first_count;
};

static bool is_row(const struct batch *b, size_t i, const struct packet *p)
{
    return batch_protocol(b)[i] == p->protocol && batch_src_port(b)[i] == p->src_port &&
           batch_dst_port(b)[i] == p->dst_port && ip_equal(&batch_src_ip(b)[i], &p->src) &&
           ip_equal(&batch_dst_ip(b)[i], &p->dst);
}

static void put_packet(struct capture_records *c, const struct packet *p, uint64_t time_ms)
{
    struct batch *b = c->b;
    size_t row = b->rows;
    bool opposite = false;
    for (size_t i = b->rows; i-- > 0;) {
        if (is_row(b, i, p))
            row = i;
        opposite |= batch_protocol(b)[i] == p->protocol && batch_src_port(b)[i] == p->dst_port &&
                    batch_dst_port(b)[i] == p->src_port && ip_equal(&batch_src_ip(b)[i], &p->dst) &&
                    ip_equal(&batch_dst_ip(b)[i], &p->src);
    }
    if (row == b->rows) {
        if (batch_room(b) == 0 || c->first_count == FLOWS_MAX)
            return;
        batch_add(b);
        batch_src_ip(b)[row] = p->src;
        batch_dst_ip(b)[row] = p->dst;
        batch_src_port(b)[row] = p->src_port;
        batch_dst_port(b)[row] = p->dst_port;
        batch_protocol(b)[row] = p->protocol;
        batch_start_ms(b)[row] = time_ms;
        if (!opposite)
            c->firsts[c->first_count++] = first_of(p);
    }
    batch_end_ms(b)[row] = time_ms;
    batch_packets(b)[row]++;
    batch_octets(b)[row] += p->octets;
    batch_tcp_flags(b)[row] |= p->tcp_flags;
}

static bool read_capture(const char *path, struct capture_records *c)
{
    struct stream *in;
    struct capture *capture;
    batch_clear(c->b);
    c->first_count = 0;
    if (stream_open(path, &in, NULL) || capture_open(in, &capture, NULL))
        return false;
    struct capture_packet cp;
    while (capture_next(capture, &cp) == CAPTURE_PACKET) {
        struct packet p;
        if (packet_parse(cp.link_type, cp.frame, cp.original_len, &p) == REASON_COUNT &&
            (p.protocol == 6 || p.protocol == 17) && !p.fragment_later)
            put_packet(c, &p, cp.time_ns / 1000000);
    }
    capture_free(capture);
    return true;
}

/* The records ordered by their end, as exporters send them. */
static struct batch *as_exported(const struct capture_records *c, bool flags, bool seconds)
{
    size_t *order = memory_array(c->b->rows, sizeof *order);
    const uint64_t *end = batch_end_ms(c->b);
    for (size_t i = 0; i < c->b->rows; i++) {
        size_t at = i;
        for (; at > 0 && end[order[at - 1]] > end[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    struct batch *b = batch_new(STAGE_RECORD, c->b->rows + 1);
    for (size_t i = 0; i < c->b->rows; i++) {
        size_t row = batch_copy_row(b, c->b, order[i]);
        if (!flags)
            batch_tcp_flags(b)[row] = 0;
        if (seconds) {
            batch_start_ms(b)[row] -= batch_start_ms(b)[row] % 1000;
            batch_end_ms(b)[row] -= batch_end_ms(b)[row] % 1000;
        }
    }
    free(order);
    return b;
}

static void count_right(const struct capture_records *c, const struct batch *out, struct score *s,
                        const char *name)
{
    for (size_t i = 0; i < c->first_count; i++) {
        const struct first *f = &c->firsts[i];
        for (size_t row = 0; row < out->rows; row++) {
            if (batch_protocol(out)[row] != f->protocol)
                continue;
            bool same = ip_equal(&batch_local(out)[row], &f->src) &&
                        ip_equal(&batch_remote(out)[row], &f->dst) &&
                        batch_local_port(out)[row] == f->src_port &&
                        batch_remote_port(out)[row] == f->dst_port;
            bool turned = ip_equal(&batch_local(out)[row], &f->dst) &&
                          ip_equal(&batch_remote(out)[row], &f->src) &&
                          batch_local_port(out)[row] == f->dst_port &&
                          batch_remote_port(out)[row] == f->src_port;
            if (!same && !turned)
                continue;
            bool one_way = batch_packets_in(out)[row] == 0 || batch_packets_out(out)[row] == 0;
            enum kind kind = f->protocol == 17 ? (one_way ? UDP_ONE_WAY : UDP_BOTH)
                             : !f->opening     ? TCP_BEGUN_BEFORE
                             : one_way         ? TCP_ONE_WAY
                                               : TCP_BOTH;
            s->all[kind]++;
            s->right[kind] += same;
            if (!same && getenv("TELLTALE_VERBOSE") && s == verbose) {
                char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
                ip_print(&f->src, a);
                ip_print(&f->dst, b);
                print_message("#   %d %s %d %s:%u %s:%u flags %x %x packets %lu %lu\n", kind, name,
                              f->protocol, a, f->src_port, b, f->dst_port,
                              batch_tcp_flags_in(out)[row], batch_tcp_flags_out(out)[row],
                              batch_packets_in(out)[row], batch_packets_out(out)[row]);
            }
            break;
        }
    }
}

/* Takes ownership of the records. */
static void judge(const struct study *study, const struct capture_records *c, struct batch *b,
                  struct score *s, const char *name)
{
    struct flow_setting setting = flow_setting_default;
    setting.study = study;
    setting.open_max = 4 * RECORDS_MAX;
    struct batch *out = batch_new(STAGE_FLOW, b->rows + 8);
    struct pairer *p = pairer_new(&setting);
    struct tally tally = {0};
    tally_keep(&tally, b->rows);
    assert_int_equal(pairer_add(p, b, 0, out, &tally), b->rows);
    while (pairer_finish(p, out))
        ;
    count_right(c, out, s, name);
    pairer_free(p);
    batch_free(out);
    batch_free(b);
}

/* The same packets through the meter. */
static struct batch *as_metered(const char *path)
{
    struct meter_setting setting = meter_setting_default;
    struct stream *in;
    struct capture *capture;
    struct capture_packet cp;
    struct tally tally = {0};
    struct sightings seen;
    setting.payload = false;
    setting.symbols = symbols_new(1000);
    struct batch *b = batch_new(STAGE_RECORD, 4 * RECORDS_MAX + METER_ROWS_MAX);
    struct meter *m = meter_new(&setting);
    sightings_init(&seen, 1024);
    assert_int_equal(stream_open(path, &in, NULL), 0);
    assert_int_equal(capture_open(in, &capture, NULL), 0);
    while (capture_next(capture, &cp) == CAPTURE_PACKET && batch_room(b) >= METER_ROWS_MAX) {
        meter_frame(m, cp.time_ns, cp.link_type, cp.frame, cp.original_len, b, &seen, &tally);
        seen.count = 0;
    }
    while (batch_room(b) >= METER_ROWS_MAX && meter_finish(m, b))
        ;
    capture_free(capture);
    meter_free(m);
    symbols_free(setting.symbols);
    sightings_done(&seen);
    return b;
}

static struct study *everywhere(void)
{
    struct study *s = test_calloc(1, sizeof *s);
    struct prefix p = {.len_bits = 0};
    s->population_lpm = lpm_new();
    lpm_add(s->population_lpm, &p, 0);
    lpm_seal(s->population_lpm);
    s->kept_lpm = s->population_lpm;
    s->everywhere = true;
    return s;
}

static const struct {
    const char *what;
    bool packets, flags, seconds;
    double tcp, udp; /* least share right */
} ways[] = {{"packets", true, true, false, 0.99, 0.97},
            {"records, flags, ms", false, true, false, 0.99, 0.97},
            {"records, no flags, ms", false, false, false, 0.99, 0.97},
            {"records, flags, s", false, true, true, 0.99, 0.97},
            {"records, no flags, s", false, false, true, 0.99, 0.97}};
enum { WAYS = sizeof ways / sizeof *ways, NO_FLAGS = 2 };

static const char *const kinds[KINDS] = {"TCP", "one-way TCP", "(begun before)", "UDP",
                                         "one-way UDP"};

static double share(const struct score *s, enum kind a, enum kind b)
{
    return (double)(s->right[a] + s->right[b]) / (double)(s->all[a] + s->all[b]);
}

static void print_score(const char *what, const struct score *s)
{
    print_message("# %-22s", what);
    for (int k = 0; k < KINDS; k++)
        print_message(" %s %zu/%zu", kinds[k], s->right[k], s->all[k]);
    print_message("; TCP %.2f%% UDP %.2f%%\n", 100 * share(s, TCP_BOTH, TCP_ONE_WAY),
                  100 * share(s, UDP_BOTH, UDP_ONE_WAY));
}

static void openers_are_the_senders_of_first_packets(void **state)
{
    (void)state;
    const char *source = getenv("TELLTALE_SOURCE");
    char base[2048], path[4096];
    snprintf(base, sizeof base, "%s/../shared/data/captures/pcap", source ? source : ".");
    struct stat st;
    if (stat(base, &st) != 0)
        skip();
    static const char *const folders[] = {"arkime", "ipfixprobe", "kp",   "mercury",
                                          "ndpi",   "slips",      "zeek", "suricata-verify"};
    struct study *study = everywhere();
    struct capture_records *c = test_calloc(1, sizeof *c);
    struct score scores[WAYS] = {0};
    const char *way = getenv("TELLTALE_VERBOSE");
    verbose = &scores[way && atoi(way) < WAYS ? atoi(way) : NO_FLAGS];
    c->b = batch_new(STAGE_RECORD, RECORDS_MAX);
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        snprintf(path, sizeof path, "%s/%s", base, folders[f]);
        DIR *dir = opendir(path);
        for (struct dirent *e; dir && (e = readdir(dir));) {
            snprintf(path, sizeof path, "%s/%s/%s", base, folders[f], e->d_name);
            if (e->d_name[0] == '.' || strstr(e->d_name, "fuzz") || !read_capture(path, c))
                continue;
            for (size_t w = 0; w < WAYS; w++)
                judge(study, c,
                      ways[w].packets ? as_metered(path)
                                      : as_exported(c, ways[w].flags, ways[w].seconds),
                      &scores[w], e->d_name);
        }
        if (dir)
            closedir(dir);
    }
    for (size_t w = 0; w < WAYS; w++)
        print_score(ways[w].what, &scores[w]);
    for (size_t w = 0; w < WAYS; w++) {
        assert_true(share(&scores[w], TCP_BOTH, TCP_ONE_WAY) >= ways[w].tcp);
        assert_true(share(&scores[w], UDP_BOTH, UDP_ONE_WAY) >= ways[w].udp);
    }
    batch_free(c->b);
    test_free(c);
    lpm_free(study->population_lpm);
    test_free(study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openers_are_the_senders_of_first_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
