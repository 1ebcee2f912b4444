/* SPDX-License-Identifier: Apache-2.0 */
/* The export captures of the shared test data against other decoders: counts of records, and every
 * record's addresses, ports, counters, flags and times as nfdump 1.7.1 read them. Where nfdump and
 * we disagree, the capture stands in `differences` with the reason (docs/formats.md, "Export
 * protocols"), and what must still be equal is compared. Skipped where the data is not there. */
#include "decode/fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "input/capture.h"
#include "wire/link.h"
#include "wire/packet.h"
#include "wire/reassembly.h"

enum { ROWS_MAX = 4096, PATH_SIZE = 1024 };

enum difference {
    SAME,
    TIMES = 1,    /* nfdump does not read these elements, or reads them amiss */
    SCALED = 2,   /* nfdump multiplied the counters by the sampling interval */
    ICMP = 4,     /* nfdump leaves ICMP's type and code out */
    MORE = 8,     /* we keep data that came before its template */
    NO_PEER = 16, /* records without addresses: rejected here */
    EVENTS = 32,  /* events that are no conversation: rejected here */
};

static const struct {
    const char *name; /* a part of the path */
    int difference;
    unsigned kept; /* where MORE, NO_PEER or EVENTS */
} differences[] = {
    {"data+templates", MORE, 21},
    {"merged-icmp", ICMP, 0},
    {"merged-ipfixprobe", TIMES, 0}, /* RFC 7011's microseconds */
    {"merged-options", SCALED, 0},
    {"akvorado/netflow/nat", TIMES | EVENTS, 8}, /* 8 sessions created, one deleted */
    {"ipfix-barracuda-firewall", TIMES, 0},      /* observation times and durations */
    {"fields-2", TIMES | MORE, 6},               /* the template comes between the two data */
    {"netscaler-with-variable-length-fields/", TIMES, 0},
    {"ipfix-viptela", TIMES, 0},
    {"netflow-9-cisco-asa", TIMES, 0}, /* no end: the time of the event is */
    {"netflow-9-cisco-wlc", NO_PEER, 0},
    {"fortios-5-2-1", TIMES, 0}, /* uptimes that are not the header's */
    {"ie150-ie151", TIMES, 0},
    {"nprobe-dpi-l7", TIMES, 0}, /* export time of 1970 */
    {"netflow-9-valid-01", ICMP, 0},
    {"netflow5-juniper-mx80", SCALED, 0},
    {"106-IPFIX", TIMES,
     0}, /* nfdump takes 21 for the start and 22 for the end, where 21 is first */
    {"112-IPFIX", TIMES, 0},
    {"500-IPFIX", TIMES, 0},
};

struct line {
    char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
    uint64_t packets, octets, reverse_packets, reverse_octets;
    unsigned src_port, dst_port, protocol, flags;
    uint64_t start_s, end_s;
};

struct lines {
    struct line at[ROWS_MAX];
    size_t count;
};

static bool captures(char path[PATH_SIZE], const char *rest)
{
    const char *source = getenv("TELLTALE_SOURCE");
    if (!source)
        return false;
    snprintf(path, PATH_SIZE, "%s/../shared/data/captures/%s", source, rest);
    struct stat st;
    return stat(path, &st) == 0;
}

static int difference_of(const char *path, unsigned *ret_kept)
{
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++) {
        if (!strstr(path, differences[i].name))
            continue;
        *ret_kept = differences[i].kept;
        return differences[i].difference;
    }
    return SAME;
}

static void add_rows(struct lines *to, const struct batch *b)
{
    for (size_t i = 0; i < b->rows; i++) {
        assert_true(to->count < ROWS_MAX);
        struct line *l = &to->at[to->count++];
        memset(l, 0, sizeof *l);
        ip_print(&batch_src_ip(b)[i], l->src);
        ip_print(&batch_dst_ip(b)[i], l->dst);
        l->src_port = batch_src_port(b)[i];
        l->dst_port = batch_dst_port(b)[i];
        l->protocol = batch_protocol(b)[i];
        l->packets = batch_packets(b)[i];
        l->octets = batch_octets(b)[i];
        l->reverse_packets = batch_reverse_packets(b)[i];
        l->reverse_octets = batch_reverse_octets(b)[i];
        l->flags = batch_tcp_flags(b)[i];
        l->start_s = batch_start_ms(b)[i] / 1000;
        l->end_s = batch_end_ms(b)[i] / 1000;
        if (batch_sampling(b)[i] > 1 && l->packets) { /* for captures that nfdump scaled */
            assert_true(batch_start_ms(b)[i] <= batch_end_ms(b)[i]);
        }
    }
}

/* Decodes every UDP payload that looks like an export. Returns how many datagrams did. */
static size_t decode_capture(struct fixture *f, const char *path, struct lines *to)
{
    struct stream *in;
    struct capture *c;
    struct error err;
    struct capture_packet p;
    size_t exports = 0;
    assert_int_equal(stream_open(path, &in, &err), 0);
    assert_int_equal(capture_open(in, &c, &err), 0);
    while (capture_next(c, &p) == CAPTURE_PACKET) {
        struct packet k;
        if (packet_parse(p.link_type, p.frame, p.original_len, &k) != REASON_COUNT ||
            k.protocol != 17 || export_guess(k.payload) == 0)
            continue;
        exports++;
        f->in = (struct datagram){.exporter = k.src,
                                  .exporter_port = k.src_port,
                                  .arrival_ms = p.time_ns / 1000000,
                                  .payload = k.payload};
        batch_clear(f->out);
        decoder_datagram(f->d, &f->in, f->out, &f->tally);
        assert_true(tally_balanced(&f->tally));
        if (to)
            add_rows(to, f->out);
    }
    capture_free(c);
    decoder_finish(f->d, &f->tally);
    assert_true(tally_balanced(&f->tally));
    return exports;
}

/* The same with each datagram cut into fragments of 64 octets, the last one first. */
static size_t decode_fragments(struct fixture *f, struct reassembly *parts, const struct packet *k,
                               uint16_t id)
{
    enum { STEP = 64, HEADER = 20 };
    size_t rows = 0, len = k->l3.len - HEADER;
    for (size_t i = (len + STEP - 1) / STEP; i-- > 0;) {
        uint8_t frame[HEADER + STEP];
        size_t octets = len - i * STEP < STEP ? len - i * STEP : STEP;
        uint16_t where = (uint16_t)(i * STEP / 8 | ((i + 1) * STEP < len ? 0x2000 : 0));
        memcpy(frame, k->l3.at, HEADER);
        frame[2] = 0, frame[3] = (uint8_t)(HEADER + octets);
        frame[4] = (uint8_t)(id >> 8), frame[5] = (uint8_t)id;
        frame[6] = (uint8_t)(where >> 8), frame[7] = (uint8_t)where;
        memcpy(frame + HEADER, k->l3.at + HEADER + i * STEP, octets);
        struct packet part;
        struct bytes b = bytes_of(frame, HEADER + octets);
        assert_int_equal(packet_parse(LINK_RAW, b, (uint32_t)b.len, &part), REASON_COUNT);
        if (reassembly_take(parts, id, &part) != REASSEMBLY_WHOLE)
            continue;
        assert_int_equal(i, 0);
        f->in = (struct datagram){.exporter = part.src,
                                  .exporter_port = part.src_port,
                                  .arrival_ms = NOW_MS,
                                  .payload = part.payload};
        rows += decoder_datagram(f->d, &f->in, f->out, &f->tally);
    }
    return rows;
}

/* ---- nfdump's CSV ---- */

static uint64_t time_of(const char *text)
{
    struct tm tm = {0};
    if (!strptime(text, "%Y-%m-%d %H:%M:%S", &tm))
        return 0;
    return (uint64_t)timegm(&tm);
}

static unsigned flags_of(const char *text)
{
    static const char letters[] = "FSRPAUEC";
    unsigned flags = 0;
    for (int i = 0; letters[i]; i++)
        flags |= strchr(text, letters[i]) ? 1u << i : 0;
    return flags;
}

static unsigned protocol_of(const char *text)
{
    if (strcmp(text, "ICMP6") == 0)
        return 58;
    int value = protocol_value(text, strlen(text));
    return value < 0 ? 999 : (unsigned)value;
}

/* "::192.0.2.1" is how nfdump prints an IPv4 address that it keeps among IPv6 ones. */
static void address_of(char to[IP_TEXT_MAX], const char *text)
{
    bool v4 = strncmp(text, "::", 2) == 0 && strchr(text, '.');
    snprintf(to, IP_TEXT_MAX, "%s", v4 ? text + 2 : text);
}

static void add_csv_line(struct lines *to, char *text)
{
    char *fields[64];
    size_t count = 0;
    for (char *rest = text; count < 64 && rest; count++)
        fields[count] = strsep(&rest, ",");
    if (count < 15 || fields[0][0] < '0' || fields[0][0] > '9')
        return;
    struct line *l = &to->at[to->count++];
    memset(l, 0, sizeof *l);
    uint64_t a = time_of(fields[0]), b = time_of(fields[1]);
    l->start_s = a < b ? a : b;
    l->end_s = a < b ? b : a;
    address_of(l->src, fields[3]);
    address_of(l->dst, fields[4]);
    l->src_port = (unsigned)strtoul(fields[5], NULL, 10);
    l->dst_port = (unsigned)strtoul(fields[6], NULL, 10);
    l->protocol = protocol_of(fields[7]);
    l->flags = l->protocol == 6 ? flags_of(fields[8]) : 0;
    l->packets = strtoull(fields[11], NULL, 10);
    l->octets = strtoull(fields[12], NULL, 10);
    l->reverse_packets = strtoull(fields[13], NULL, 10);
    l->reverse_octets = strtoull(fields[14], NULL, 10);
}

static bool read_csv(const char *path, struct lines *to)
{
    char text[4096];
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    while (fgets(text, sizeof text, f) && to->count < ROWS_MAX)
        add_csv_line(to, text);
    fclose(f);
    return true;
}

static int compare_lines(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct line));
}

static void blank(struct lines *lines, int difference)
{
    for (size_t i = 0; i < lines->count; i++) {
        struct line *l = &lines->at[i];
        if (difference & TIMES)
            l->start_s = l->end_s = 0;
        if (difference & SCALED)
            l->packets = l->octets = 0;
        if (difference & ICMP && (l->protocol == 1 || l->protocol == 58))
            l->dst_port = 0;
        /* The texts' tails take part in the comparison. */
    }
    qsort(lines->at, lines->count, sizeof(struct line), compare_lines);
}

static void compare(const char *path, struct lines *ours, struct lines *theirs)
{
    unsigned kept = 0;
    int difference = difference_of(path, &kept);
    if (difference & (MORE | NO_PEER | EVENTS)) {
        assert_int_equal(ours->count, kept);
        return;
    }
    assert_int_equal(ours->count, theirs->count);
    blank(ours, difference);
    blank(theirs, difference);
    for (size_t i = 0; i < ours->count; i++) {
        const struct line *a = &ours->at[i], *b = &theirs->at[i];
        if (compare_lines(a, b) != 0)
            print_message("%s: ours %s %s %u %u %u, nfdump %s %s %u %u %u\n", path, a->src, a->dst,
                          a->src_port, a->dst_port, a->protocol, b->src, b->dst, b->src_port,
                          b->dst_port, b->protocol);
        assert_int_equal(compare_lines(a, b), 0);
    }
}

static struct lines ours, theirs;

static void one_capture(const char *path, size_t *done)
{
    char csv[PATH_SIZE];
    struct fixture f;
    snprintf(csv, sizeof csv, "%.*s.nfdump.csv", (int)(strlen(path) - 5), path);
    fixture_open(&f, NULL);
    ours.count = theirs.count = 0;
    size_t exports = decode_capture(&f, path, &ours);
    if (read_csv(csv, &theirs)) {
        bool invalid = strstr(path, "netflow-5-invalid-01") != NULL;
        assert_int_equal(exports > 0, !invalid);
        compare(path, &ours, &theirs);
        ++*done;
    }
    fixture_close(&f);
}

static void each_pcap(const char *dir, void (*one)(const char *path, size_t *done), size_t *done)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[PATH_SIZE];
        struct stat st;
        if (e->d_name[0] == '.' ||
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path)
            continue;
        size_t len = strlen(path);
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            each_pcap(path, one, done);
        else if ((len > 5 && strcmp(path + len - 5, ".pcap") == 0) ||
                 (len > 7 && strcmp(path + len - 7, ".pcapng") == 0))
            one(path, done);
    }
    closedir(d);
}

static void records_are_what_nfdump_reads(void **state)
{
    (void)state;
    char dir[PATH_SIZE];
    size_t done = 0;
    if (!captures(dir, "export"))
        skip();
    each_pcap(dir, one_capture, &done);
    assert_true(done >= 48);
}

/* ---- truth/export_counts.tsv: what tshark and the captures' own projects counted ---- */

/* Captures whose records are not what nfdump counts (docs/formats.md, "Where readers disagree"), or
 * that it does not read (sFlow: flow samples as tshark shows them; two hold counters alone). */
static const struct {
    const char *name;
    uint64_t kept;
} own_counts[] = {
    {"data+templates", 21},        {"fields-2", 6},          {"netflow/nat.pcap", 8},
    {"netflow-9-cisco-wlc", 0},    {"sflow_v5_example", 0},  {"sflow_issue_18876", 0},
    {"sflow/data-1140", 5},        {"sflow/data-icmpv4", 1}, {"sflow/data-sflow-ipv4-data", 1},
    {"sflow_multiple_counter", 7},
};

static void one_count(char *line, size_t *done)
{
    char *fields[5] = {0}, rest[256], path[PATH_SIZE];
    for (int i = 0; i < 5 && line; i++)
        fields[i] = strsep(&line, "\t\n");
    if (!fields[4] || strncmp(fields[0], "export/", 7) != 0)
        return;
    snprintf(rest, sizeof rest, "%s", fields[0]);
    assert_true(captures(path, rest));
    struct fixture f;
    fixture_open(&f, NULL);
    size_t exports = decode_capture(&f, path, NULL);
    uint64_t want = strtoull(fields[2], NULL, 10);
    for (size_t i = 0; i < sizeof own_counts / sizeof own_counts[0]; i++)
        if (strstr(path, own_counts[i].name))
            want = own_counts[i].kept;
    /* Its one datagram states 55,582 records. */
    bool invalid = strstr(path, "netflow-5-invalid-01") != NULL;
    if (f.tally.kept != want)
        print_message("%s: kept %lu, %lu expected\n", rest, f.tally.kept, want);
    assert_int_equal(f.tally.kept, want);
    if (fields[1][0])
        assert_int_equal(exports, invalid ? 0 : strtoull(fields[1], NULL, 10));
    fixture_close(&f);
    ++*done;
}

static void counts_of_every_capture(void **state)
{
    (void)state;
    char path[PATH_SIZE], line[PATH_SIZE];
    size_t done = 0;
    if (!captures(path, "truth/export_counts.tsv"))
        skip();
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in))
        one_count(line, &done);
    fclose(in);
    assert_true(done >= 56);
}

/* ---- counts, names, sampling of chosen captures ---- */

static void decode_named(struct fixture *f, const char *name)
{
    char path[PATH_SIZE];
    if (!captures(path, name))
        skip();
    fixture_open(f, NULL);
    ours.count = 0;
    decode_capture(f, path, &ours);
}

static void options_give_the_sampling(void **state)
{
    (void)state;
    static const char *const parts[] = {"options-template", "options-data", "template", "data"};
    char path[PATH_SIZE];
    struct fixture f;
    if (!captures(path, "export/akvorado/netflow"))
        skip();
    fixture_open(&f, NULL);
    for (int i = 0; i < 4; i++) {
        char name[PATH_SIZE + 32];
        snprintf(name, sizeof name, "%s/%s.pcap", path, parts[i]);
        ours.count = 0;
        decode_capture(&f, name, &ours);
    }
    assert_int_equal(f.out->rows, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(batch_sampling(f.out)[i], 30000);
    fixture_close(&f);
}

static void reverse_elements(void **state)
{
    (void)state;
    struct fixture f;
    decode_named(&f, "export/akvorado/netflow/merged-ipfixprobe.pcap");
    assert_int_equal(f.out->rows, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(batch_marks(f.out)[i] & MARK_BIFLOW);
        if (batch_dst_port(f.out)[i] != 53)
            continue;
        assert_int_equal(batch_packets(f.out)[i], 1);
        assert_int_equal(batch_reverse_octets(f.out)[i], 128);
    }
    fixture_close(&f);
}

static void icmp_types(void **state)
{
    (void)state;
    struct fixture f;
    bool echo = false, echo6 = false;
    decode_named(&f, "export/akvorado/netflow/merged-icmp.pcap");
    for (size_t i = 0; i < ours.count; i++) {
        echo |= ours.at[i].dst_port == 8 << 8;
        echo6 |= ours.at[i].dst_port == 128 << 8;
    }
    assert_true(echo && echo6);
    fixture_close(&f);
}

static void enterprise_names(void **state)
{
    (void)state;
    struct fixture f;
    decode_named(&f, "export/logstash-codec-netflow/netflow-9-nprobe-dpi-l7/"
                     "netflow-9-nprobe-dpi-l7.pcap");
    assert_int_equal(f.out->rows, 1);
    fixture_close(&f);
    decode_named(&f, "export/logstash-codec-netflow/"
                     "netflow-9-palo-alto-1-flowset-in-large-zero-filled-packet/"
                     "netflow-9-palo-alto-1-flowset-in-large-zero-filled-packet.pcap");
    assert_int_equal(f.out->rows, 1);
    assert_string_equal(symbols_text(f.symbols, SYMBOL_APPLICATION, batch_application(f.out)[0]),
                        "kerberos");
    fixture_close(&f);
}

/* Eight sessions created, as tshark shows them: the sources translated, the destinations not. */
static void translations(void **state)
{
    (void)state;
    struct fixture f;
    static const struct ip none;
    char text[IP_TEXT_MAX];
    decode_named(&f, "export/akvorado/netflow/nat.pcap");
    assert_int_equal(f.out->rows, 8);
    assert_string_equal(ours.at[0].src, "172.16.100.198");
    ip_print(&batch_nat_src_ip(f.out)[0], text);
    assert_string_equal(text, "10.143.52.29");
    assert_int_equal(batch_nat_src_port(f.out)[0], 35303);
    for (size_t i = 0; i < 8; i++) {
        assert_true(ip_equal(&batch_nat_dst_ip(f.out)[i], &none));
        assert_int_equal(batch_nat_dst_port(f.out)[i], 0);
        assert_false(ip_equal(&batch_nat_src_ip(f.out)[i], &none));
    }
    fixture_close(&f);
}

/* 30 flows of 12 datagrams in fragments are the same 30. */
static void fragmented_datagrams(void **state)
{
    (void)state;
    struct fixture f;
    struct stream *in;
    struct capture *c;
    struct error err;
    struct capture_packet p;
    char path[PATH_SIZE];
    size_t rows = 0;
    uint16_t id = 0;
    if (!captures(path, "export/logstash-codec-netflow/netflow-5-valid-01/netflow-5-valid-01.pcap"))
        skip();
    struct reassembly *parts = reassembly_new();
    fixture_open(&f, NULL);
    assert_int_equal(stream_open(path, &in, &err), 0);
    assert_int_equal(capture_open(in, &c, &err), 0);
    while (capture_next(c, &p) == CAPTURE_PACKET) {
        struct packet k;
        assert_int_equal(packet_parse(p.link_type, p.frame, p.original_len, &k), REASON_COUNT);
        rows += decode_fragments(&f, parts, &k, ++id);
    }
    assert_int_equal(rows, 30);
    assert_int_equal(reassembly_finish(parts), 0);
    capture_free(c);
    reassembly_free(parts);
    fixture_close(&f);
}

/* sFlow: the values that Akvorado's own tests expect. */
static void sflow_samples(void **state)
{
    (void)state;
    static const struct {
        const char *name, *src, *dst;
        unsigned octets, src_port, dst_port, flags, sampling;
    } cases[] = {
        {"data-1140", "104.26.8.24", "45.90.161.46", 421, 443, 56876, 0x18, 1024},
        {"data-1140", "45.90.161.148", "191.87.91.27", 40, 55658, 5555, 2, 1024},
        {"data-1140", "2a0c:8880:2:0:185:21:130:38", "2a0c:8880:2:0:185:21:130:39", 1500, 46026, 22,
         0x10, 1024},
        {"data-icmpv4", "203.0.113.4", "203.0.113.5", 84, 0, 8 << 8, 0, 1},
        {"data-sflow-ipv4-data", "50.50.50.50", "51.51.51.51", 1344, 46622, 58631, 0, 256},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[128];
        struct fixture f;
        bool found = false;
        snprintf(name, sizeof name, "export/akvorado/sflow/%s.pcap", cases[i].name);
        decode_named(&f, name);
        for (size_t k = 0; k < ours.count; k++) {
            const struct line *l = &ours.at[k];
            found |= strcmp(l->src, cases[i].src) == 0 && strcmp(l->dst, cases[i].dst) == 0 &&
                     l->octets == cases[i].octets && l->packets == 1 &&
                     l->src_port == cases[i].src_port && l->dst_port == cases[i].dst_port &&
                     l->flags == cases[i].flags && batch_sampling(f.out)[k] == cases[i].sampling;
        }
        assert_true(found);
        fixture_close(&f);
    }
}

static void sflow_counters_are_no_flows(void **state)
{
    (void)state;
    struct fixture f;
    decode_named(&f, "export/tcpdump/sflow_multiple_counter_30_pdus.pcap");
    assert_int_equal(f.tally.reasons[REASON_not_a_flow], 144);
    assert_int_equal(f.tally.kept, 7); /* four NetFlow 5 datagrams among the sFlow ones */
    fixture_close(&f);
}

static void malformed_templates_are_rejected(void **state)
{
    (void)state;
    static const char *const names[] = {"malformed-OT", "malformed_1", "malformed_3",
                                        "malformed_5"};
    for (int i = 0; i < 4; i++) {
        char name[64];
        struct fixture f;
        snprintf(name, sizeof name, "export/libnetflow9/%s.pcap", names[i]);
        decode_named(&f, name);
        assert_int_equal(f.tally.kept, 0);
        assert_true(f.tally.reasons[REASON_bad_template] > 0);
        fixture_close(&f);
    }
}

/* ---- no false alarm ---- */

static void no_guess(const char *path, size_t *done)
{
    struct stream *in;
    struct capture *c;
    struct error err;
    struct capture_packet p;
    /* The two that do hold exports. */
    if (strstr(path, "netflow-fritz") || strstr(path, "arkime_synthetic"))
        return;
    if (stream_open(path, &in, &err) || capture_open(in, &c, &err))
        return;
    while (capture_next(c, &p) == CAPTURE_PACKET) {
        struct packet k;
        if (packet_parse(p.link_type, p.frame, p.original_len, &k) != REASON_COUNT ||
            k.protocol != 17)
            continue;
        if (export_guess(k.payload) != 0)
            print_message("%s is taken for an export\n", path);
        assert_int_equal(export_guess(k.payload), 0);
        ++*done;
    }
    capture_free(c);
}

static void nothing_else_looks_like_an_export(void **state)
{
    (void)state;
    char dir[PATH_SIZE];
    size_t done = 0;
    if (!captures(dir, "pcap"))
        skip();
    each_pcap(dir, no_guess, &done);
    assert_true(done > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_what_nfdump_reads),
        cmocka_unit_test(counts_of_every_capture),
        cmocka_unit_test(options_give_the_sampling),
        cmocka_unit_test(reverse_elements),
        cmocka_unit_test(icmp_types),
        cmocka_unit_test(enterprise_names),
        cmocka_unit_test(translations),
        cmocka_unit_test(fragmented_datagrams),
        cmocka_unit_test(sflow_samples),
        cmocka_unit_test(sflow_counters_are_no_flows),
        cmocka_unit_test(malformed_templates_are_rejected),
        cmocka_unit_test(nothing_else_looks_like_an_export),
    };
    return cmocka_run_group_tests_name("decode/captures", tests, NULL, NULL);
}
