/* SPDX-License-Identifier: Apache-2.0 */
/* Captures made by others: our conversations against tshark 4.0's, merged by 5-tuple (packets and
 * layer 3 octets of each direction, server names, DNS answers), and the same captures with random
 * octets changed. Needs the shared captures; skips without them. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "input/capture.h"
#include "meter/meter.h"
#include "meter/name.h"
#include "schema/values.h"

enum { ROWS = 1 << 15, FLOWS_MAX = 20000, SIGHTINGS = 20000, PATH_SIZE = 1024 };

/* The smaller end first. */
struct flow {
    struct ip ip[2];
    uint16_t port[2];
    int protocol; /* -1: not said */
    uint64_t packets[2], octets[2];
    char sni[256], host[256];
};

struct list {
    struct flow *at;
    size_t count;
};

static struct meter *meter;
static struct symbols *symbols;
static struct batch *rows;
static struct sightings seen;
static struct tally tally;
static struct list truth, ours;
static bool truth_incomplete; /* some of tshark's lines have no address */
static char captures[PATH_SIZE];

/* --- Lists of flows --- */

static bool same_pair(const struct flow *a, const struct flow *b)
{
    return ip_equal(&a->ip[0], &b->ip[0]) && ip_equal(&a->ip[1], &b->ip[1]);
}

static bool same_key(const struct flow *a, const struct flow *b)
{
    return same_pair(a, b) && a->port[0] == b->port[0] && a->port[1] == b->port[1] &&
           a->protocol == b->protocol;
}

static void order_ends(struct flow *f)
{
    int c = memcmp(&f->ip[0], &f->ip[1], IP_OCTETS);
    if (c < 0 || (c == 0 && f->port[0] <= f->port[1]))
        return;
    struct flow turned = *f;
    for (int i = 0; i < 2; i++) {
        turned.ip[i] = f->ip[!i];
        turned.port[i] = f->port[!i];
        turned.packets[i] = f->packets[!i];
        turned.octets[i] = f->octets[!i];
    }
    *f = turned;
}

static void list_add(struct list *l, struct flow *f)
{
    order_ends(f);
    for (size_t i = l->count; i-- > 0;) {
        struct flow *have = &l->at[i];
        if (!same_key(have, f))
            continue;
        for (int d = 0; d < 2; d++) {
            have->packets[d] += f->packets[d];
            have->octets[d] += f->octets[d];
        }
        return;
    }
    assert_true(l->count < FLOWS_MAX);
    l->at[l->count++] = *f;
}

static const struct flow *list_find(const struct list *l, const struct flow *key)
{
    for (size_t i = 0; i < l->count; i++)
        if (same_key(&l->at[i], key))
            return &l->at[i];
    return NULL;
}

/* --- tshark's flows --- */

static int truth_protocol(const char *text)
{
    static const char *const others[] = {"ESP",  "50", "AH",   "51",  "SCTP",  "132",
                                         "OSPF", "89", "PIM",  "103", "GRE",   "47",
                                         "IGMP", "2",  "VRRP", "112", "EIGRP", "88"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i += 2)
        if (strcmp(text, others[i]) == 0)
            return atoi(others[i + 1]);
    if (strncasecmp(text, "ICMPV6", 6) == 0)
        return 58;
    return protocol_value(text, strlen(text));
}

/* Splits at tabs, in place; returns the number of fields. */
static size_t split(char *line, char *fields[32])
{
    size_t count = 0;
    line[strcspn(line, "\n")] = 0;
    while (count < 32) {
        fields[count++] = line;
        char *tab = strchr(line, '\t');
        if (!tab)
            break;
        *tab = 0;
        line = tab + 1;
    }
    return count;
}

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

/* l4 a_ip a_port b_ip b_port, then counters at the columns given, then names. */
static bool read_truth(char **f, const int counters[4], int sni, struct flow *ret)
{
    *ret = (struct flow){.protocol = truth_protocol(f[0])};
    if (!ip_parse(f[1], strlen(f[1]), &ret->ip[0]) || !ip_parse(f[3], strlen(f[3]), &ret->ip[1])) {
        truth_incomplete = true;
        return false;
    }
    ret->port[0] = (uint16_t)number(f[2]);
    ret->port[1] = (uint16_t)number(f[4]);
    ret->packets[0] = number(f[counters[0]]);
    ret->packets[1] = number(f[counters[1]]);
    ret->octets[0] = number(f[counters[2]]);
    ret->octets[1] = number(f[counters[3]]);
    snprintf(ret->sni, sizeof ret->sni, "%s", f[sni]);
    snprintf(ret->host, sizeof ret->host, "%s", f[sni + 1]);
    return true;
}

static bool load_inner_truth(const char *capture)
{
    static const int counters[] = {7, 9, 11, 12};
    char path[PATH_SIZE * 2], line[65536], *fields[32];
    struct flow flow;
    snprintf(path, sizeof path, "%s/truth/tshark_flows/%s.tsv", captures, capture);
    FILE *f = fopen(path, "r");
    truth.count = 0;
    truth_incomplete = false;
    if (!f)
        return false;
    for (int n = 0; fgets(line, sizeof line, f); n++)
        if (n >= 2 && split(line, fields) >= 17 && read_truth(fields, counters, 13, &flow))
            truth.at[truth.count++] = flow;
    fclose(f);
    return true;
}

/* The outermost headers' flows, for the captures where that is not the same. */
static bool load_outer_truth(const char *capture)
{
    static const int counters[] = {7, 8, 9, 10};
    char path[PATH_SIZE * 2], line[65536], *fields[32];
    struct flow flow;
    snprintf(path, sizeof path, "%s/truth/outermost_flows.tsv", captures);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    struct list found = {.at = truth.at};
    while (fgets(line, sizeof line, f))
        if (split(line, fields) >= 15 && strcmp(fields[0], capture) == 0 &&
            read_truth(fields + 1, counters, 11, &flow)) {
            flow.sni[0] = flow.host[0] = 0;
            found.at[found.count++] = flow;
        }
    fclose(f);
    if (found.count)
        truth.count = found.count;
    return found.count > 0;
}

/* --- Our flows --- */

static void collect(size_t from)
{
    for (size_t i = from; i < rows->rows; i++) {
        bool icmp = batch_protocol(rows)[i] == 1 || batch_protocol(rows)[i] == 58;
        struct flow f = {
            .ip = {batch_src_ip(rows)[i], batch_dst_ip(rows)[i]},
            .port = {icmp ? 0 : batch_src_port(rows)[i], icmp ? 0 : batch_dst_port(rows)[i]},
            .protocol = batch_protocol(rows)[i],
            .packets = {batch_packets(rows)[i], batch_reverse_packets(rows)[i]},
            .octets = {batch_octets(rows)[i], batch_reverse_octets(rows)[i]},
        };
        list_add(&ours, &f);
    }
}

typedef void change_fn(struct capture_packet *p, uint8_t *copy);

static bool run_capture(const char *capture, change_fn *change)
{
    static uint8_t copy[1 << 18];
    char path[PATH_SIZE * 2];
    struct error err;
    struct stream *in;
    struct capture *c;
    struct capture_packet p;
    snprintf(path, sizeof path, "%s/pcap/%s", captures, capture);
    if (stream_open(path, &in, &err) || capture_open(in, &c, &err))
        return false;
    batch_clear(rows);
    seen.count = 0;
    while (capture_next(c, &p) == CAPTURE_PACKET) {
        if (change && p.frame.len && p.frame.len <= sizeof copy)
            change(&p, copy);
        meter_frame(meter, p.time_ns, p.link_type, p.frame, p.original_len, rows, &seen, &tally);
        assert_true(batch_room(rows) > METER_ROWS_MAX * 2);
    }
    while (meter_finish(meter, rows))
        ;
    capture_free(c);
    return true;
}

/* --- Every capture of every set --- */

typedef void capture_fn(const char *set, const char *capture);

static void each_capture(const char *only, capture_fn *visit)
{
    static const char *const sets[] = {"kp",      "ndpi",      "ndpi42",    "arkime",
                                       "zeek",    "mercury",   "slips",     "suricata-verify",
                                       "tcpdump", "wireshark", "ipfixprobe"};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        char path[PATH_SIZE * 2];
        struct dirent **names;
        if (only && strcmp(only, sets[s]) != 0)
            continue;
        snprintf(path, sizeof path, "%s/pcap/%s", captures, sets[s]);
        int count = scandir(path, &names, NULL, alphasort);
        for (int i = 0; i < count; i++) {
            snprintf(path, sizeof path, "%s/%s", sets[s], names[i]->d_name);
            if (names[i]->d_name[0] != '.')
                visit(sets[s], path);
            free(names[i]);
        }
        if (count >= 0)
            free(names);
    }
}

static struct {
    size_t flows, equal, by_pair, wrong;
} counted;

static uint64_t pair_sum(const struct list *l, const struct flow *key, int direction)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < l->count; i++)
        if (same_pair(&l->at[i], key))
            sum += l->at[i].packets[direction] + (l->at[i].octets[direction] << 20);
    return sum;
}

static void compare_counters(const char *set, const char *capture)
{
    (void)set;
    if (!load_inner_truth(capture) || !run_capture(capture, NULL))
        return;
    load_outer_truth(capture);
    ours.count = 0;
    collect(0);
    for (size_t i = 0; i < truth.count; i++)
        order_ends(&truth.at[i]);
    for (size_t i = 0; i < truth.count; i++) {
        const struct flow *t = &truth.at[i];
        const struct flow *o = list_find(&ours, t);
        bool equal = o && memcmp(o->packets, t->packets, sizeof o->packets) == 0 &&
                     memcmp(o->octets, t->octets, sizeof o->octets) == 0;
        /* A conversation with oneself has no direction by address. */
        bool self = ip_equal(&t->ip[0], &t->ip[1]) && t->port[0] == t->port[1];
        bool pair = pair_sum(&ours, t, 0) == pair_sum(&truth, t, 0) &&
                    pair_sum(&ours, t, 1) == pair_sum(&truth, t, 1);
        counted.flows++;
        if (equal)
            counted.equal++;
        else if (pair || self || truth_incomplete)
            counted.by_pair++;
        else
            counted.wrong++, fprintf(stderr, "# %s: flow %zu of tshark differs\n", capture, i);
    }
}

static bool have_captures(void)
{
    const char *source = getenv("TELLTALE_SOURCE");
    snprintf(captures, sizeof captures, "%s/../shared/data/captures", source ? source : ".");
    return access(captures, R_OK) == 0;
}

static void test_population_captures_exactly(void **state)
{
    (void)state;
    if (!have_captures())
        skip();
    memset(&counted, 0, sizeof counted);
    each_capture("kp", compare_counters);
    fprintf(stderr, "# kp: %zu flows, %zu equal\n", counted.flows, counted.equal);
    assert_int_equal(counted.equal, counted.flows);
    assert_true(counted.flows > 100);
}

/* Fragments after the first have no ports in tshark's list and the first one's in ours: there the
 * sums over the pair of addresses are equal. */
static void test_all_captures(void **state)
{
    (void)state;
    if (!have_captures())
        skip();
    memset(&counted, 0, sizeof counted);
    each_capture(NULL, compare_counters);
    fprintf(stderr, "# all: %zu flows, %zu equal, %zu by pair of addresses, %zu not\n",
            counted.flows, counted.equal, counted.by_pair, counted.wrong);
    assert_int_equal(counted.wrong, 0);
    assert_true(counted.equal * 100 >= counted.flows * 97);
    assert_true(tally_balanced(&tally));
}

/* --- Names --- */

/* Misses we know the reason of (docs/formats.md, Names). */
static const char *const explained[] = {
    "zeek/http__methods.pcap", /* a request without a version is no HTTP/1 request */
};

static struct {
    size_t wanted, found, tunnelled, no_name;
} names[12];
static const char *name_sets[12];

static bool have_name(const struct flow *t, const struct name *name)
{
    for (size_t i = 0; i < rows->rows; i++) {
        struct flow f = {
            .ip = {batch_src_ip(rows)[i], batch_dst_ip(rows)[i]},
            .port = {batch_src_port(rows)[i], batch_dst_port(rows)[i]},
            .protocol = batch_protocol(rows)[i],
        };
        order_ends(&f);
        if (same_key(&f, t) &&
            bytes_equal(batch_text(rows, FIELD_server_name, i), bytes_of(name->text, name->len)))
            return true;
    }
    return false;
}

static void want_name(const char *set, const char *capture, const struct flow *t, const char *text)
{
    size_t s = 0;
    struct name name;
    while (name_sets[s] && strcmp(name_sets[s], set) != 0)
        s++;
    name_sets[s] = set;
    if (!*text)
        return;
    if (!name_set(&name, bytes_of_text(text)))
        names[s].no_name++;
    else if (!list_find(&ours, t))
        names[s].tunnelled++;
    else if (names[s].wanted++, have_name(t, &name))
        names[s].found++;
    else {
        bool known = false;
        for (size_t i = 0; i < sizeof explained / sizeof *explained; i++)
            known = known || strcmp(explained[i], capture) == 0;
        fprintf(stderr, "# %s: %s not found%s\n", capture, text, known ? " (explained)" : "");
        assert_true(known);
    }
}

static void compare_names(const char *set, const char *capture)
{
    if (!load_inner_truth(capture) || !run_capture(capture, NULL))
        return;
    ours.count = 0;
    collect(0);
    for (size_t i = 0; i < truth.count; i++) {
        struct flow *t = &truth.at[i];
        order_ends(t);
        want_name(set, capture, t, t->sni);
        want_name(set, capture, t, t->host);
    }
}

static void test_names(void **state)
{
    (void)state;
    if (!have_captures())
        skip();
    size_t wanted = 0, found = 0;
    each_capture(NULL, compare_names);
    for (size_t s = 0; s < 12 && name_sets[s]; s++) {
        fprintf(stderr, "# %-16s %zu of %zu names; %zu inside tunnels, %zu not host names\n",
                name_sets[s], names[s].found, names[s].wanted, names[s].tunnelled,
                names[s].no_name);
        wanted += names[s].wanted;
        found += names[s].found;
    }
    fprintf(stderr, "# names: %zu of %zu, %.2f%%\n", found, wanted,
            100.0 * (double)found / (double)wanted);
    assert_true(found * 1000 >= wanted * 998);
}

/* --- DNS answers --- */

/* The line's addresses (dns.a or dns.aaaa) are each in what we saw for this client and name. */
static size_t missing_answers(char *line, size_t *wanted)
{
    char *f[32];
    size_t fields = split(line, f), missing = 0;
    struct name name;
    struct ip client, ip;
    if (fields < 5 || !name_set(&name, bytes_of_text(f[2])))
        return 0;
    const char *to = *f[0] ? f[0] : f[1];
    if (!ip_parse(to, strlen(to), &client))
        return 0;
    for (int k = 3; k < 5; k++)
        for (char *save, *at = strtok_r(f[k], ",", &save); at; at = strtok_r(NULL, ",", &save)) {
            bool found = false;
            if (!ip_parse(at, strlen(at), &ip))
                continue;
            for (size_t i = 0; i < seen.count && !found; i++)
                found = ip_equal(&seen.rows[i].client, &client) &&
                        ip_equal(&seen.rows[i].ip, &ip) && seen.rows[i].name_len == name.len &&
                        memcmp(seen.rows[i].name, name.text, name.len) == 0;
            ++*wanted;
            missing += !found;
        }
    return missing;
}

static void test_dns_answers(void **state)
{
    (void)state;
    static const char *const with_dns[] = {
        "kp/kp-iphone.pcap",        "kp/kp-weibo.pcap",      "ndpi/1kxun.pcap",
        "ndpi/dns_fragmented.pcap", "mercury/capture2.pcap", "ndpi/dns_long_domainname.pcap"};
    if (!have_captures() || system("tshark --version >/dev/null 2>&1") != 0)
        skip();
    size_t wanted = 0, missing = 0;
    for (size_t i = 0; i < sizeof with_dns / sizeof *with_dns; i++) {
        /* At most the OPT record in the additional section: name servers' addresses are there, and
         * tshark lists them with the answers. */
        char command[PATH_SIZE * 3], line[65536];
        if (!run_capture(with_dns[i], NULL))
            continue;
        snprintf(command, sizeof command,
                 "tshark -r '%s/pcap/%s' -Y 'dns.flags.response == 1 && dns.flags.rcode == 0 && "
                 "udp.srcport == 53 && dns.count.add_rr <= 1 && dns.qry.type in {1, 28}' -T fields "
                 "-e ip.dst -e ipv6.dst "
                 "-e dns.qry.name -e dns.a -e dns.aaaa 2>/dev/null",
                 captures, with_dns[i]);
        FILE *f = popen(command, "r");
        assert_non_null(f);
        while (fgets(line, sizeof line, f))
            missing += missing_answers(line, &wanted);
        pclose(f);
    }
    fprintf(stderr, "# DNS: %zu addresses told by tshark, %zu missing\n", wanted, missing);
    assert_true(wanted > 50);
    assert_true(missing * 100 <= wanted);
}

/* --- Damage --- */

static struct random dice;

/* A few octets changed, sometimes the frame cut. */
static void damage(struct capture_packet *p, uint8_t *copy)
{
    memcpy(copy, p->frame.at, p->frame.len);
    for (uint64_t n = random_below(&dice, 6); n; n--)
        copy[random_below(&dice, p->frame.len)] = (uint8_t)random_u64(&dice);
    p->frame.at = copy;
    if (random_below(&dice, 8) == 0)
        p->frame.len = random_below(&dice, p->frame.len + 1);
    if (random_below(&dice, 50) == 0)
        p->time_ns = random_u64(&dice);
}

static size_t damaged;

static void replay_damaged(const char *set, const char *capture)
{
    (void)set;
    for (int i = 0; i < 5; i++)
        damaged += run_capture(capture, damage);
}

static void test_damaged_captures(void **state)
{
    (void)state;
    if (!have_captures())
        skip();
    random_init(&dice, 20170401);
    damaged = 0;
    each_capture(NULL, replay_damaged);
    fprintf(stderr, "# %zu damaged captures replayed\n", damaged);
    assert_true(damaged > 2000);
    assert_true(tally_balanced(&tally));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_population_captures_exactly),
        cmocka_unit_test(test_all_captures),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_dns_answers),
        cmocka_unit_test(test_damaged_captures),
    };
    struct meter_setting s = meter_setting_default;
    s.flows_max = 8192;
    s.symbols = symbols = symbols_new(10000);
    meter = meter_new(&s);
    rows = batch_new(STAGE_RECORD, ROWS);
    sightings_init(&seen, SIGHTINGS);
    truth.at = memory_array(FLOWS_MAX, sizeof *truth.at);
    ours.at = memory_array(FLOWS_MAX, sizeof *ours.at);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(truth.at);
    free(ours.at);
    sightings_done(&seen);
    batch_free(rows);
    meter_free(meter);
    symbols_free(symbols);
    return failed;
}
