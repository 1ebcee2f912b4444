/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of our own making with what they must say; every truncation of one; archives, packed
 * and not; and the captures' documents where they are. */
#include "attribute/tor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/memory.h"

enum { HOUR = 3600, T0 = 1491004800 }; /* 2017-04-01T00:00:00Z */

struct relay {
    const char *identity;  /* base64 */
    const char *ip, *more; /* more: an "a" line's end, or NULL */
    unsigned or_port, dir_port;
    const char *flags;
};

static const char ID_A[] = "AAECAwQFBgcICQoLDA0ODxAREhM"; /* octets 0 to 19 */
static const char ID_B[] = "ABPSI4nNUNC3hKPkBhyzHozozrU";
static const char ID_C[] = "AEXri4INxBAZeyi0wvJZoC58nZs";

static void time_text(uint32_t s, char text[32])
{
    struct tm tm;
    time_t t = s;
    gmtime_r(&t, &tm);
    strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm);
}

static void consensus(struct buf *out, uint32_t time_s, const struct relay *relays, size_t count)
{
    char text[32];
    time_text(time_s, text);
    buf_format(out,
               "@type network-status-consensus-3 1.0\nnetwork-status-version 3\nvote-status "
               "consensus\nconsensus-method 25\nvalid-after %s\nknown-flags Exit Guard Running\n",
               text);
    for (size_t i = 0; i < count; i++) {
        buf_format(out, "r relay%zu %s 8mCr8Sl7RF4ENU4jb0FZFA/3do8 2017-03-31 18:00:00 %s %u %u\n",
                   i, relays[i].identity, relays[i].ip, relays[i].or_port, relays[i].dir_port);
        if (relays[i].more)
            buf_format(out, "a %s\n", relays[i].more);
        buf_format(out, "s %s\nv Tor 0.2.9.10\nw Bandwidth=100\np reject 1-65535\n",
                   relays[i].flags);
    }
    buf_text(out, "directory-footer\nbandwidth-weights Wbd=0\ndirectory-signature A B\n");
}

static const struct relay GUARD = {ID_A, "198.51.100.7", "[2001:db8::7]:9001",
                                   9001, 9030,           "Fast Guard Running Stable V2Dir Valid"};
static const struct relay EXIT = {ID_B, "203.0.113.9", NULL, 443, 80, "Exit Fast Running Valid"};
static const struct relay MIDDLE = {ID_C, "192.0.2.1", NULL, 9001, 0, "Fast Running Valid"};

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(text, strlen(text), &ip));
    return ip;
}

static struct tor_table *table_of(const struct tor_table *before, const char *text, size_t len,
                                  struct tor_counts *counts)
{
    struct tor_builder *b = tor_builder_new(before, 1 << 20);
    struct tor_table *t = NULL;
    struct error err;
    assert_int_equal(tor_builder_octets(b, bytes_of(text, len), &err), 0);
    assert_int_equal(tor_builder_table(b, &t, &err), 0);
    if (counts)
        *counts = tor_builder_counts(b);
    tor_builder_free(b);
    return t;
}

static struct tor_answer ask(const struct tor_table *t, const char *ip, uint16_t port, int64_t at_s)
{
    struct ip address = ip_of(ip);
    return tor_find(t, &address, port, (uint64_t)at_s * 1000, TOR_AGE_DEFAULT_S);
}

static void roles_are_those_of_the_date(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    const struct relay first[] = {GUARD, EXIT, MIDDLE};
    struct relay later[] = {GUARD, EXIT, MIDDLE};
    later[1].flags = "Exit Guard Running Valid";
    later[2].flags = "Guard Running Valid";
    consensus(&text, T0, first, 3);
    consensus(&text, T0 + HOUR, later, 3);
    struct tor_counts counts;
    struct tor_table *t = table_of(NULL, text.at, text.len, &counts);
    assert_int_equal(counts.documents[TOR_CONSENSUS], 2);
    assert_int_equal(counts.relays, 8); /* the guard has two addresses */
    assert_int_equal(counts.bad_lines, 0);
    struct tor_answer a = ask(t, "198.51.100.7", 9001, T0 + 60);
    assert_int_equal(a.state, TOR_LISTED);
    assert_int_equal(a.match, TOR_BY_OR_PORT);
    assert_string_equal(tor_role_text(&a), "guard");
    for (int i = 0; i < 20; i++)
        assert_int_equal(a.at->relay.fingerprint[i], i);
    a = ask(t, "2001:db8::7", 9001, T0 + 60);
    assert_string_equal(tor_role_text(&a), "guard");
    a = ask(t, "198.51.100.7", 9030, T0 + 60);
    assert_string_equal(tor_role_text(&a), "directory");
    a = ask(t, "203.0.113.9", 443, T0 + 60);
    assert_string_equal(tor_role_text(&a), "exit");
    a = ask(t, "203.0.113.9", 443, T0 + HOUR);
    assert_string_equal(tor_role_text(&a), "guard and exit");
    a = ask(t, "192.0.2.1", 9001, T0 + HOUR - 1);
    assert_string_equal(tor_role_text(&a), "middle");
    a = ask(t, "192.0.2.1", 22, T0 + HOUR);
    assert_string_equal(tor_role_text(&a), "guard");
    assert_int_equal(a.match, TOR_BY_ADDRESS);
    tor_free(t);
    buf_done(&text);
}

static void nothing_newer_than_the_flow_is_used(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    consensus(&text, T0, &GUARD, 1);
    struct tor_table *t = table_of(NULL, text.at, text.len, NULL);
    assert_int_equal(ask(t, "198.51.100.7", 9001, T0 - 1).state, TOR_NEVER);
    assert_int_equal(ask(t, "198.51.100.7", 9001, T0).state, TOR_LISTED);
    assert_int_equal(ask(t, "198.51.100.7", 9001, T0 + 24 * HOUR).state, TOR_LISTED);
    struct tor_answer a = ask(t, "198.51.100.7", 9001, T0 + 24 * HOUR + 1);
    assert_int_equal(a.state, TOR_STALE);
    assert_string_equal(tor_role_text(&a), "unknown");
    assert_int_equal(ask(t, "198.51.100.8", 9001, T0).state, TOR_NEVER);
    tor_free(t);
    buf_done(&text);
}

static void a_relay_that_left_is_held_by_clients_for_three_hours(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    const struct relay both[] = {GUARD, EXIT};
    consensus(&text, T0, both, 2);
    for (int h = 1; h < 6; h++)
        consensus(&text, (uint32_t)(T0 + h * HOUR), &EXIT, 1);
    struct tor_table *t = table_of(NULL, text.at, text.len, NULL);
    assert_int_equal(ask(t, "198.51.100.7", 9001, T0 + HOUR).state, TOR_LISTED);
    assert_int_equal(ask(t, "198.51.100.7", 9001, T0 + 3 * HOUR - 1).state, TOR_LISTED);
    assert_int_equal(ask(t, "198.51.100.7", 9001, T0 + 3 * HOUR).state, TOR_LEFT);
    tor_free(t);
    buf_done(&text);
}

static bool same_tables(const struct tor_table *a, const struct tor_table *b)
{
    const struct tor_span *x, *y;
    size_t count = tor_spans(a, &x);
    return tor_spans(b, &y) == count && (!count || memcmp(x, y, count * sizeof *x) == 0);
}

/* Clever against plain: whatever order the documents come in, each relay is listed at just the
 * moments whose document has it, and the table is the same. */
static void the_order_of_documents_does_not_matter(void **state)
{
    (void)state;
    enum { MOMENTS = 12, TRIALS = 60 };
    const struct relay all[] = {GUARD, EXIT, MIDDLE};
    uint32_t random = 12345;
    for (int trial = 0; trial < TRIALS; trial++) {
        unsigned has[MOMENTS], order[MOMENTS];
        struct buf sorted;
        buf_init(&sorted, 1 << 20);
        for (unsigned i = 0; i < MOMENTS; i++) {
            struct relay some[3];
            size_t count = 0;
            random = random * 1664525 + 1013904223;
            has[i] = random >> 28 & 7;
            order[i] = i;
            for (unsigned r = 0; r < 3; r++)
                if (has[i] >> r & 1)
                    some[count++] = all[r];
            consensus(&sorted, T0 + i * HOUR, some, count);
        }
        struct tor_table *at_once = table_of(NULL, sorted.at, sorted.len, NULL), *one = NULL;
        for (unsigned i = MOMENTS; i-- > 1;) {
            random = random * 1664525 + 1013904223;
            unsigned j = (random >> 16) % (i + 1), swap = order[i];
            order[i] = order[j];
            order[j] = swap;
        }
        for (unsigned i = 0; i < MOMENTS; i++) {
            struct buf text;
            struct relay some[3];
            size_t count = 0;
            buf_init(&text, 1 << 20);
            for (unsigned r = 0; r < 3; r++)
                if (has[order[i]] >> r & 1)
                    some[count++] = all[r];
            consensus(&text, T0 + order[i] * HOUR, some, count);
            struct tor_table *next = table_of(one, text.at, text.len, NULL);
            tor_free(one);
            one = next;
            buf_done(&text);
        }
        assert_true(same_tables(at_once, one));
        for (unsigned i = 0; i < MOMENTS; i++)
            for (unsigned r = 0; r < 3; r++) {
                struct ip ip = ip_of(all[r].ip);
                bool listed = false, want = false;
                const struct tor_span *s;
                size_t count = tor_spans(one, &s);
                for (size_t k = 0; k < count; k++)
                    listed |= ip_equal(&s[k].relay.ip, &ip) && s[k].from_s <= T0 + i * HOUR &&
                              s[k].to_s >= T0 + i * HOUR;
                want = has[i] >> r & 1;
                assert_int_equal(listed, want);
            }
        tor_free(at_once);
        tor_free(one);
        buf_done(&sorted);
    }
}

static void a_consensus_that_is_cut_says_nothing(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    const struct relay both[] = {GUARD, EXIT};
    consensus(&text, T0, both, 2);
    const char *footer = strstr(text.at, "directory-footer");
    size_t whole = (size_t)(footer - text.at) + strlen("directory-footer");
    for (size_t len = 0; len <= text.len; len++) {
        struct tor_counts counts;
        struct tor_table *t = table_of(NULL, text.at, len, &counts);
        const struct tor_span *spans;
        assert_int_equal(tor_spans(t, &spans), len >= whole ? 3 : 0);
        tor_free(t);
    }
    buf_done(&text);
}

static void the_table_survives_its_file(void **state)
{
    (void)state;
    char path[] = "/tmp/telltale-tor-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct buf text;
    struct error err;
    buf_init(&text, 1 << 20);
    const struct relay all[] = {GUARD, EXIT, MIDDLE};
    for (int h = 0; h < 40; h++)
        consensus(&text, (uint32_t)(T0 + h * HOUR), all, (size_t)(1 + h % 3));
    struct tor_table *t = table_of(NULL, text.at, text.len, NULL), *back;
    assert_int_equal(tor_save(t, path, &err), 0);
    assert_int_equal(tor_load(path, &back, &err), 0);
    assert_true(same_tables(t, back));
    tor_free(back);
    FILE *f = fopen(path, "rb");
    char octets[8192];
    size_t len = fread(octets, 1, sizeof octets, f);
    fclose(f);
    for (size_t cut = 0; cut < len; cut += 1 + len / 50) {
        assert_int_equal(truncate(path, (off_t)cut), 0);
        assert_int_equal(tor_load(path, &back, &err), ERROR_DAMAGED);
        f = fopen(path, "wb");
        fwrite(octets, 1, len, f);
        fclose(f);
    }
    unlink(path);
    assert_int_equal(tor_load(path, &back, &err), 0); /* none yet */
    tor_free(back);
    tor_free(t);
    buf_done(&text);
}

static void other_flavours_and_documents(void **state)
{
    (void)state;
    static const char text[] =
        "@type server-descriptor 1.0\nrouter caerSidi 71.35.133.197 9001 0 0\n"
        "published 2012-03-01 17:15:27\n"
        "@type network-status-microdesc-consensus-3 1.0\nnetwork-status-version 3 microdesc\n"
        "vote-status consensus\nconsensus-method 28\nvalid-after 2019-01-01 00:00:00\n"
        "r a AAECAwQFBgcICQoLDA0ODxAREhM 2018-12-31 18:00:00 198.51.100.7 9001 0\n"
        "m x\ns Guard Valid\n" /* Running goes without saying from method 4 on */
        "r damaged AAECAwQFBgcICQoLDA0ODxAREhM 2018-12-31 18:00:00 198.51.100.999 9001 0\n"
        "s Guard Running\n"
        "directory-footer\n"
        "@type network-status-vote-3 1.0\nnetwork-status-version 3\nvote-status vote\n"
        "valid-after 2019-01-01 01:00:00\nr b AAECAwQFBgcICQoLDA0ODxAREhM "
        "8mCr8Sl7RF4ENU4jb0FZFA/3do8 2018-12-31 18:00:00 192.0.2.77 9001 0\ns Running\n"
        "directory-footer\n"
        "@type tordnsel 1.0\nDownloaded 2019-01-01 02:02:00\n"
        "ExitNode 000102030405060708090A0B0C0D0E0F10111213\nPublished 2018-12-31 17:08:26\n"
        "LastStatus 2019-01-01 00:03:25\nExitAddress 203.0.113.5 2019-01-01 01:08:13\n"
        "ExitAddress 203.0.113.6 2019-01-01 01:09:13\nExitNode broken\nExitAddress 203.0.113.8 "
        "2019-01-01 01:09:13\n";
    struct tor_counts c;
    struct tor_table *t = table_of(NULL, text, sizeof text - 1, &c);
    assert_int_equal(c.others, 2);
    assert_int_equal(c.documents[TOR_CONSENSUS], 1);
    assert_int_equal(c.documents[TOR_EXIT_LIST], 1);
    assert_int_equal(c.relays, 3);
    assert_int_equal(c.bad_lines, 2);
    int64_t at = 1546308120 + 60; /* 2019-01-01T02:03:00Z */
    struct tor_answer a = ask(t, "203.0.113.6", 443, at);
    assert_int_equal(a.state, TOR_LISTED);
    assert_string_equal(tor_role_text(&a), "exit");
    assert_int_equal(a.at->relay.fingerprint[19], 0x13);
    assert_int_equal(ask(t, "203.0.113.6", 443, at - 120).state, TOR_NEVER);
    assert_int_equal(ask(t, "203.0.113.8", 443, at).state, TOR_NEVER);
    assert_int_equal(ask(t, "192.0.2.77", 9001, at).state, TOR_NEVER);
    assert_int_equal(ask(t, "198.51.100.7", 9001, at).state, TOR_LISTED);
    tor_free(t);
}

/* Documents in a tar archive, packed by the programs people use. */
static void archives_are_read(void **state)
{
    (void)state;
    static const char *const packers[] = {"cat", "gzip", "bzip2", "xz", "zstd -q"};
    char dir[] = "/tmp/telltale-tor-XXXXXX", path[256], command[512];
    assert_non_null(mkdtemp(dir));
    const struct relay both[] = {GUARD, EXIT};
    for (int h = 0; h < 3; h++) {
        struct buf text;
        buf_init(&text, 1 << 20);
        consensus(&text, (uint32_t)(T0 + h * HOUR), both, 2);
        snprintf(path, sizeof path, "%s/%d-consensus", dir, h);
        FILE *f = fopen(path, "wb");
        fwrite(text.at, 1, text.len, f);
        fclose(f);
        buf_done(&text);
    }
    for (size_t p = 0; p < sizeof packers / sizeof *packers; p++) {
        snprintf(command, sizeof command,
                 "cd %s && tar cf - [012]-consensus | %s > archive 2>/dev/null", dir, packers[p]);
        if (system(command) != 0)
            continue; /* the packer is not installed */
        struct tor_builder *b = tor_builder_new(NULL, 1000);
        struct tor_table *t = NULL;
        struct error err;
        const struct tor_span *spans;
        snprintf(path, sizeof path, "%s/archive", dir);
        assert_int_equal(tor_builder_file(b, path, &err), 0);
        assert_int_equal(tor_builder_counts(b).documents[TOR_CONSENSUS], 3);
        assert_int_equal(tor_builder_table(b, &t, &err), 0);
        assert_int_equal(tor_spans(t, &spans), 3);
        tor_free(t);
        tor_builder_free(b);
    }
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void the_captures_documents(void **state)
{
    (void)state;
    char path[4096];
    struct stat st;
    struct error err;
    const char *source = getenv("TELLTALE_SOURCE");
    const char *const names[] = {"tor-consensus-sample.txt", "tor-exit-list-2018-11-cropped.tar"};
    struct tor_builder *b = tor_builder_new(NULL, 100000);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/../shared/data/captures/lists/%s", source ? source : ".",
                 names[i]);
        if (stat(path, &st) != 0) {
            tor_builder_free(b);
            skip();
        }
        assert_int_equal(tor_builder_file(b, path, &err), 0);
    }
    struct tor_counts c = tor_builder_counts(b);
    struct tor_table *t = NULL;
    assert_int_equal(tor_builder_table(b, &t, &err), 0);
    print_message("# %zu + %zu documents, %zu entries, %zu bad\n",
                  (size_t)c.documents[TOR_CONSENSUS], (size_t)c.documents[TOR_EXIT_LIST],
                  (size_t)c.relays, (size_t)c.bad_lines);
    assert_int_equal(c.documents[TOR_CONSENSUS], 1);
    assert_int_equal(c.documents[TOR_EXIT_LIST], 4);
    assert_int_equal(c.bad_lines, 0);
    /* 2012-07-12T10:00:00Z, and 2018-11-02T01:02:01Z, as the files say. */
    assert_int_equal(ask(t, "178.218.213.229", 80, 1342087200 - 1).state, TOR_NEVER);
    struct tor_answer a = ask(t, "178.218.213.229", 80, 1342087200);
    assert_string_equal(tor_role_text(&a), "exit");
    assert_int_equal(a.match, TOR_BY_OR_PORT);
    a = ask(t, "162.247.74.201", 443, 1541120521);
    assert_string_equal(tor_role_text(&a), "exit");
    tor_free(t);
    tor_builder_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_are_those_of_the_date),
        cmocka_unit_test(nothing_newer_than_the_flow_is_used),
        cmocka_unit_test(a_relay_that_left_is_held_by_clients_for_three_hours),
        cmocka_unit_test(the_order_of_documents_does_not_matter),
        cmocka_unit_test(a_consensus_that_is_cut_says_nothing),
        cmocka_unit_test(the_table_survives_its_file),
        cmocka_unit_test(other_flavours_and_documents),
        cmocka_unit_test(archives_are_read),
        cmocka_unit_test(the_captures_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
