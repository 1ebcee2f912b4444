/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers write, our decoder and nfdump read back to equal totals. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/zone.h"
#include "decode/decode.h"
#include "decode/ipfix_file.h"
#include "input/capture.h"
#include "schema/values.h"
#include "wire/cursor.h"
#include "wire/packet.h"
#include "world/wire.h"

enum { ROWS = 3000 };
#define BEGIN_MS UINT64_C(1491004800000) /* 2017-04-01 */

static char dir[] = "/tmp/telltale-wire-XXXXXX";

static struct ip random_ip(struct random *r, bool v6)
{
    struct ip ip = {{0x20, 0x01, 0x0d, 0xb8}};
    uint8_t v4[4] = {175, 45, (uint8_t)(176 + random_below(r, 4)), (uint8_t)random_below(r, 256)};
    if (!v6)
        return ip_from_v4(v4);
    ip.octet[15] = (uint8_t)random_below(r, 256);
    return ip;
}

static void random_row(struct batch *b, struct random *r, uint64_t at_ms)
{
    static const uint8_t protocols[] = {6, 6, 6, 17, 17, 1};
    bool v6 = random_below(r, 5) == 0;
    size_t i = batch_add(b);
    batch_start_ms(b)[i] = at_ms;
    batch_end_ms(b)[i] = at_ms + random_below(r, 120000);
    batch_src_ip(b)[i] = random_ip(r, v6);
    batch_dst_ip(b)[i] = random_ip(r, v6);
    batch_protocol(b)[i] = protocols[random_below(r, sizeof protocols)];
    if (batch_protocol(b)[i] == 1) {
        batch_dst_port(b)[i] = 8 << 8;
    } else {
        batch_src_port(b)[i] = (uint16_t)(1024 + random_below(r, 60000));
        batch_dst_port(b)[i] = 443;
    }
    batch_packets(b)[i] = 1 + random_below(r, 1000);
    batch_octets(b)[i] = batch_packets(b)[i] * (40 + random_below(r, 1400));
    if (random_below(r, 3)) {
        batch_reverse_packets(b)[i] = 1 + random_below(r, 1000);
        batch_reverse_octets(b)[i] = batch_reverse_packets(b)[i] * 60;
    }
    if (batch_protocol(b)[i] == 6) {
        batch_tcp_flags(b)[i] = 0x1b;
        batch_reverse_tcp_flags(b)[i] = batch_reverse_packets(b)[i] ? 0x12 : 0;
    }
    batch_sampling(b)[i] = 1;
    batch_opener(b)[i] = OPENER_SOURCE;
    if (random_below(r, 2))
        batch_set_text(b, FIELD_server_name, i, "www.example.com", 15);
}

static struct batch *random_rows(uint64_t seed, uint64_t begin_ms)
{
    struct batch *b = batch_new(STAGE_RECORD, ROWS);
    struct random r;
    random_init(&r, seed);
    for (size_t i = 0; i < ROWS; i++)
        random_row(b, &r, begin_ms + i * 700);
    return b;
}

/* A digest that is the same for equal multisets of one-way records. */
struct sums {
    uint64_t records, packets, octets, mixed, names;
};

static void add_way(struct sums *s, const struct batch *b, size_t i, bool reverse, bool names)
{
    uint64_t packets = reverse ? batch_reverse_packets(b)[i] : batch_packets(b)[i];
    uint64_t octets = reverse ? batch_reverse_octets(b)[i] : batch_octets(b)[i];
    if (reverse && !packets && !octets)
        return;
    const struct ip *src = &batch_src_ip(b)[i], *dst = &batch_dst_ip(b)[i];
    uint64_t h = 1, flags = reverse ? batch_reverse_tcp_flags(b)[i] : batch_tcp_flags(b)[i];
    uint16_t src_port = batch_src_port(b)[i], dst_port = batch_dst_port(b)[i];
    bool icmp = batch_protocol(b)[i] == 1;
    for (int k = 0; k < 16; k++) {
        h = h * 1099511628211u + (reverse ? dst : src)->octet[k];
        h = h * 1099511628211u + (reverse ? src : dst)->octet[k];
    }
    h = h * 31 + (reverse && !icmp ? dst_port : src_port);
    h = h * 31 + (reverse && !icmp ? src_port : reverse && dst_port == 8 << 8 ? 0 : dst_port);
    h = h * 31 + batch_protocol(b)[i] + (flags << 8) + packets * 7919 + octets * 104729;
    h = h * 31 + batch_start_ms(b)[i] + batch_end_ms(b)[i] * 131;
    s->records++;
    s->packets += packets;
    s->octets += octets;
    s->mixed += h * h;
    if (names && !reverse)
        s->names += batch_text(b, FIELD_server_name, i).len;
}

static void add_rows(struct sums *s, const struct batch *b, bool names)
{
    for (size_t i = 0; i < b->rows; i++) {
        add_way(s, b, i, false, names);
        add_way(s, b, i, true, names);
    }
}

static struct batch *only_v4(const struct batch *all)
{
    struct batch *b = batch_new(STAGE_RECORD, ROWS);
    for (size_t i = 0; i < all->rows; i++)
        if (ip_is_v4(&batch_src_ip(all)[i]))
            batch_copy_row(b, all, i);
    return b;
}

static void path_of(char path[256], const char *name)
{
    snprintf(path, 256, "%s/%s", dir, name);
}

static void write_all(const char *path, enum wire_format format, const struct wire_options *options,
                      const struct batch *b, struct wire_counts *counts)
{
    struct wire *w;
    struct error err;
    assert_int_equal(wire_open(path, format, options, &w, &err), 0);
    wire_rows(w, b);
    assert_int_equal(wire_close(w, counts, &err), 0);
    assert_int_equal(counts->rows, b->rows);
}

/* Every datagram of a pcap through the decoder; checks headers on the way. */
static void read_pcap(const char *path, struct decoder *d, struct sums *s, struct tally *tally)
{
    struct stream *in;
    struct capture *c;
    struct error err;
    struct capture_packet p;
    struct batch *out = batch_new(STAGE_RECORD, DECODE_ROWS_MAX);
    assert_int_equal(stream_open(path, &in, &err), 0);
    assert_int_equal(capture_open(in, &c, &err), 0);
    enum capture_status status;
    while ((status = capture_next(c, &p)) == CAPTURE_PACKET) {
        struct packet k;
        assert_int_equal(packet_parse(p.link_type, p.frame, p.original_len, &k), REASON_COUNT);
        assert_int_equal(k.protocol, 17);
        assert_true(k.payload.len <= 1472);
        assert_int_equal(export_guess(k.payload), 2);
        struct datagram in_datagram = {.exporter = k.src,
                                       .exporter_port = k.src_port,
                                       .arrival_ms = p.time_ns / 1000000,
                                       .payload = k.payload};
        batch_clear(out);
        decoder_datagram(d, &in_datagram, out, tally);
        add_rows(s, out, true);
    }
    assert_int_equal(status, CAPTURE_END);
    capture_free(c);
    batch_free(out);
}

static void read_file(const char *path, struct decoder *d, struct sums *s, struct tally *tally)
{
    struct stream *in;
    struct ipfix_file *f;
    struct error err;
    struct datagram message = {.arrival_ms = BEGIN_MS + 86400000};
    struct batch *out = batch_new(STAGE_RECORD, DECODE_ROWS_MAX);
    assert_int_equal(stream_open(path, &in, &err), 0);
    assert_int_equal(ipfix_file_open(in, &f, &err), 0);
    enum capture_status status;
    while ((status = ipfix_file_next(f, &message.payload)) == CAPTURE_PACKET) {
        batch_clear(out);
        decoder_datagram(d, &message, out, tally);
        add_rows(s, out, true);
    }
    assert_int_equal(status, CAPTURE_END);
    ipfix_file_free(f);
    batch_free(out);
}

static void same(const struct sums *a, const struct sums *b)
{
    assert_int_equal(a->records, b->records);
    assert_int_equal(a->packets, b->packets);
    assert_int_equal(a->octets, b->octets);
    assert_int_equal(a->mixed, b->mixed);
    assert_int_equal(a->names, b->names);
}

static void round_trip(enum wire_format format, const struct wire_options *options, bool names,
                       const struct batch *b)
{
    char path[256];
    struct wire_counts counts;
    struct sums expected = {0}, got = {0};
    struct tally tally = {0};
    struct symbols *symbols = symbols_new(100);
    struct coverage *coverage = coverage_new(100);
    struct decode_setting setting = {
        .limits = decode_limits_default, .symbols = symbols, .coverage = coverage};
    struct decoder *d = decoder_new(&setting);
    path_of(path, "round-trip");
    write_all(path, format, options, b, &counts);
    if (format == WIRE_IPFIX_FILE)
        read_file(path, d, &got, &tally);
    else
        read_pcap(path, d, &got, &tally);
    decoder_finish(d, &tally);
    add_rows(&expected, b, names);
    same(&expected, &got);
    assert_int_equal(tally.records, counts.records);
    assert_int_equal(tally.rejected, 0);
    uint64_t lost = 0, records = 0;
    for (size_t i = 0; i < coverage_count(coverage); i++) {
        lost += coverage_rows(coverage)[i].lost;
        records += coverage_rows(coverage)[i].records;
    }
    assert_int_equal(lost, 0); /* sequence numbers are right */
    assert_int_equal(records, counts.records);
    decoder_free(d);
    coverage_free(coverage);
    symbols_free(symbols);
}

static void formats_read_back(void **state)
{
    (void)state;
    struct batch *all = random_rows(1, BEGIN_MS), *v4 = only_v4(all);
    struct wire_options plain = {0}, one_way = {.one_way = true, .domain = 7},
                        no_names = {.no_names = true};
    round_trip(WIRE_IPFIX_FILE, &plain, true, all);
    round_trip(WIRE_IPFIX_PCAP, &plain, true, all);
    round_trip(WIRE_IPFIX_PCAP, &no_names, false, all);
    round_trip(WIRE_NETFLOW9_PCAP, &plain, false, all);
    round_trip(WIRE_NETFLOW5_PCAP, &plain, false, v4);
    for (size_t i = 0; i < all->rows; i++) /* both ways have the name in one-way IPFIX */
        batch_set_text(all, FIELD_server_name, i, "", 0);
    round_trip(WIRE_IPFIX_FILE, &one_way, false, all);
    batch_free(all);
    batch_free(v4);
}

/* 2^32 ms of uptime pass in the middle of the rows. */
static void uptime_wraps(void **state)
{
    (void)state;
    struct batch *all = random_rows(2, BEGIN_MS), *v4 = only_v4(all);
    struct wire_options options = {.boot_ms = BEGIN_MS + ROWS * 350 - (UINT64_C(1) << 32)};
    round_trip(WIRE_NETFLOW9_PCAP, &options, false, all);
    round_trip(WIRE_NETFLOW5_PCAP, &options, false, v4);
    batch_free(all);
    batch_free(v4);
}

static void netflow5_says_what_it_cannot_hold(void **state)
{
    (void)state;
    char path[256];
    struct wire_counts counts;
    struct sums expected = {0}, got = {0};
    struct tally tally = {0};
    struct batch *b = random_rows(3, BEGIN_MS);
    b->rows = 2;
    for (size_t i = 0; i < 2; i++) {
        batch_packets(b)[i] = UINT64_C(10000000007);
        batch_octets(b)[i] = UINT64_C(9999999999999);
        batch_reverse_packets(b)[i] = batch_reverse_octets(b)[i] = 0;
        batch_src_ip(b)[i] = batch_dst_ip(b)[i] = ip_from_v4((const uint8_t[]){192, 0, 2, 1});
    }
    batch_src_ip(b)[1].octet[0] = 0x20; /* IPv6 */
    path_of(path, "v5");
    write_all(path, WIRE_NETFLOW5_PCAP, NULL, b, &counts);
    assert_int_equal(counts.skipped, 1);
    struct symbols *symbols = symbols_new(100);
    struct decode_setting setting = {.limits = decode_limits_default, .symbols = symbols};
    struct decoder *d = decoder_new(&setting);
    read_pcap(path, d, &got, &tally);
    b->rows = 1;
    add_rows(&expected, b, false);
    assert_int_equal(got.octets, expected.octets);
    assert_int_equal(got.packets, expected.packets);
    assert_int_equal(got.records, counts.records);
    decoder_free(d);
    symbols_free(symbols);
    batch_free(b);
}

static void csv_has_the_columns(void **state)
{
    (void)state;
    char path[256], line[512];
    struct wire_counts counts;
    struct batch *b = random_rows(4, BEGIN_MS);
    path_of(path, "csv");
    write_all(path, WIRE_CSV, NULL, b, &counts);
    assert_int_equal(counts.records, ROWS);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_string_equal(line, "start,end,src_ip,dst_ip,src_port,dst_port,protocol,packets,octets,"
                              "tcp_flags,reverse_packets,reverse_octets,sampling,exporter,"
                              "server_name\n");
    size_t lines = 0;
    while (fgets(line, sizeof line, f))
        lines++;
    assert_int_equal(lines, ROWS);
    fclose(f);
    batch_free(b);
}

static void unwritable_path_is_an_error(void **state)
{
    (void)state;
    struct wire *w;
    struct error err;
    assert_int_equal(wire_open("/nonexistent/x", WIRE_CSV, NULL, &w, &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "/nonexistent/x"));
    if (access("/dev/full", W_OK) != 0)
        return;
    struct batch *b = random_rows(4, BEGIN_MS);
    assert_int_equal(wire_open("/dev/full", WIRE_CSV, NULL, &w, &err), 0);
    wire_rows(w, b);
    assert_int_equal(wire_close(w, NULL, &err), ERROR_FAILED);
    batch_free(b);
}

/* ---- nfdump as the judge ---- */

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof at), 0);
    getsockname(s, (struct sockaddr *)&at, &len);
    close(s);
    return ntohs(at.sin_port);
}

static pid_t start_nfcapd(int port, const char *where)
{
    char text[16];
    snprintf(text, sizeof text, "%d", port);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(127);
        execlp("nfcapd", "nfcapd", "-b", "127.0.0.1", "-p", text, "-w", where, "-t", "3600", "-B",
               "8000000", (char *)NULL);
        _exit(127);
    }
    usleep(500000);
    return pid;
}

static void replay(const char *path, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port)};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct stream *in;
    struct capture *c;
    struct error err;
    struct capture_packet p;
    assert_int_equal(stream_open(path, &in, &err), 0);
    assert_int_equal(capture_open(in, &c, &err), 0);
    while (capture_next(c, &p) == CAPTURE_PACKET) {
        struct packet k;
        packet_parse(p.link_type, p.frame, p.original_len, &k);
        sendto(s, k.payload.at, k.payload.len, 0, (struct sockaddr *)&to, sizeof to);
        usleep(300);
    }
    capture_free(c);
    close(s);
}

/* nfdump's own sums of the one-way records in its files. */
static void ask_nfdump(const char *where, struct sums *s)
{
    char command[512], line[1024];
    snprintf(command, sizeof command,
             "nfdump -R '%s' -q -N -o 'fmt:%%pkt %%byt %%opkt %%obyt' 2>/dev/null", where);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        unsigned long v[4];
        if (sscanf(line, "%lu %lu %lu %lu", &v[0], &v[1], &v[2], &v[3]) != 4)
            continue;
        s->records += 1 + (v[2] || v[3]);
        s->packets += v[0] + v[2];
        s->octets += v[1] + v[3];
    }
    pclose(f);
}

static void judge(enum wire_format format, const char *name, const struct batch *b, bool *missing)
{
    char path[256], where[256], rm[600];
    struct wire_counts counts;
    struct wire_options options = {.one_way = true};
    struct sums expected = {0}, got = {0};
    path_of(path, "judge.pcap");
    path_of(where, name);
    mkdir(where, 0700);
    write_all(path, format, &options, b, &counts);
    int port = free_port(), status;
    pid_t pid = start_nfcapd(port, where);
    if (waitpid(pid, &status, WNOHANG) == pid) {
        *missing = true;
        return;
    }
    replay(path, port);
    usleep(500000);
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    ask_nfdump(where, &got);
    add_rows(&expected, b, false);
    assert_int_equal(got.records, expected.records);
    assert_int_equal(got.packets, expected.packets);
    assert_int_equal(got.octets, expected.octets);
    snprintf(rm, sizeof rm, "rm -r '%s'", where);
    if (system(rm) != 0)
        print_message("could not remove %s\n", where);
}

static void nfdump_reads_the_same(void **state)
{
    (void)state;
    bool missing = false;
    struct batch *all = random_rows(5, BEGIN_MS), *v4 = only_v4(all);
    judge(WIRE_NETFLOW5_PCAP, "nf5", v4, &missing);
    if (!missing)
        judge(WIRE_NETFLOW9_PCAP, "nf9", all, &missing);
    if (!missing)
        judge(WIRE_IPFIX_PCAP, "ipfix", all, &missing);
    batch_free(all);
    batch_free(v4);
    if (missing)
        skip();
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -r '%s'", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_read_back),
        cmocka_unit_test(uptime_wraps),
        cmocka_unit_test(netflow5_says_what_it_cannot_hold),
        cmocka_unit_test(csv_has_the_columns),
        cmocka_unit_test(unwritable_path_is_an_error),
        cmocka_unit_test(nfdump_reads_the_same),
    };
    return cmocka_run_group_tests_name("world/wire", tests, make_dir, remove_dir);
}
