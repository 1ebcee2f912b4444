/* SPDX-License-Identifier: Apache-2.0 */
/* Who opened, against tshark's first packet, over captures made by others. The packets are told to
 * the pairer as an exporter would: one record a direction, with TCP flags and without, with times
 * in milliseconds and in whole seconds (where the order of the two directions is mostly lost).
 * Needs the shared captures; skips without them. */
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
#include "schema/values.h"
#include "wire/packet.h"

enum { FLOWS_MAX = 4000, RECORDS_MAX = 2 * FLOWS_MAX };

struct first {
    struct ip src, dst;
    uint16_t src_port, dst_port;
    uint8_t protocol;
    bool handshake; /* TCP: the first packet was a SYN, so its sender did open */
};

enum kind { TCP_HANDSHAKE, TCP_BEGUN_BEFORE, UDP_BOTH, TCP_ONE_WAY, UDP_ONE_WAY, KINDS };

struct score {
    size_t right[5], all[5]; /* enum kind */
};

static const struct score *verbose;

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
            c->firsts[c->first_count++] = (struct first){
                p->src, p->dst, p->src_port, p->dst_port, p->protocol, (p->tcp_flags & 0x12) == 2};
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
                             : one_way         ? TCP_ONE_WAY
                             : f->handshake    ? TCP_HANDSHAKE
                                               : TCP_BEGUN_BEFORE;
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

static void judge(const struct study *study, const struct capture_records *c, bool flags,
                  bool seconds, struct score *s, const char *name)
{
    struct flow_setting setting = flow_setting_default;
    setting.study = study;
    setting.open_max = RECORDS_MAX;
    struct batch *b = as_exported(c, flags, seconds), *out = batch_new(STAGE_FLOW, RECORDS_MAX + 8);
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
    bool flags, seconds;
} ways[] = {{"flags, ms", true, false},
            {"no flags, ms", false, false},
            {"flags, whole seconds", true, true},
            {"no flags, whole seconds", false, true}};

static const char *const kinds[KINDS] = {"TCP", "TCP begun before", "UDP", "one-way TCP",
                                         "one-way UDP"};

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
    struct score scores[4] = {0};
    verbose = &scores[1];
    c->b = batch_new(STAGE_RECORD, RECORDS_MAX);
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        snprintf(path, sizeof path, "%s/%s", base, folders[f]);
        DIR *dir = opendir(path);
        for (struct dirent *e; dir && (e = readdir(dir));) {
            snprintf(path, sizeof path, "%s/%s/%s", base, folders[f], e->d_name);
            if (e->d_name[0] == '.' || strstr(e->d_name, "fuzz") || !read_capture(path, c))
                continue;
            for (size_t w = 0; w < 4; w++)
                judge(study, c, ways[w].flags, ways[w].seconds, &scores[w], e->d_name);
        }
        if (dir)
            closedir(dir);
    }
    for (size_t w = 0; w < 4; w++) {
        const struct score *s = &scores[w];
        print_message("# %-24s", ways[w].what);
        for (int k = 0; k < KINDS; k++)
            print_message(" %s %zu/%zu %.2f%%", kinds[k], s->right[k], s->all[k],
                          100.0 * (double)s->right[k] / (double)s->all[k]);
        print_message("\n");
    }
    for (size_t w = 0; w < 2; w++) {
        const struct score *s = &scores[w];
        assert_true((double)s->right[TCP_HANDSHAKE] >= 0.99 * (double)s->all[TCP_HANDSHAKE]);
        assert_true((double)s->right[UDP_BOTH] >= 0.97 * (double)s->all[UDP_BOTH]);
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
