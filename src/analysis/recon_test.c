/* SPDX-License-Identifier: Apache-2.0 */
/* Scans and lasting pairs through a store: first a population in which nobody scans and nothing
 * keeps a clock's time, though connections fail, peers leave and backscatter comes in; then the
 * same with scanners and a beacon planted. On chDB and on Debian's ClickHouse 18.16. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "base/random.h"
#include "engine/clickhouse_fixture.h"
#include "schema/values.h"

enum { DAYS = 28, HOUR_S = 3600, DAY_S = 86400, ROWS_MAX = 60000 };
#define APRIL_S UINT64_C(1491004800) /* 2017-04-01, UTC */

static const char STUDY[] = "name: a test\n"
                            "timezone: UTC\n"
                            "period: {from: 2017-04-01, to: 2017-04-28}\n"
                            "population:\n"
                            "  - {prefix: 175.45.176.0/22}\n"
                            "  - {prefix: \"2001:db8:1::/64\"}\n"
                            "seed: 7\n"
                            "store: \"%s\"\n";

static char folder[] = "/tmp/telltale-recon-XXXXXX";
static struct clickhouse *server;
static char server_missing[1024], chdb_missing[1024];

enum kind { ANSWERED, FAILED, SERVED, PROBE, BACKSCATTER };

static struct ip v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return ip_from_v4((const uint8_t[]){(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d});
}

static struct ip host(unsigned n)
{
    return v4(175, 45, 176 + n / 256, n % 256);
}

static size_t add(struct batch *b, enum kind kind, uint64_t at_s, struct ip local, struct ip remote,
                  unsigned port)
{
    size_t row = batch_add(b);
    bool inward = kind >= SERVED;
    batch_start_ms(b)[row] = (APRIL_S + at_s) * 1000;
    batch_end_ms(b)[row] = batch_start_ms(b)[row] + 500;
    batch_local(b)[row] = local;
    batch_remote(b)[row] = remote;
    batch_local_port(b)[row] = (uint16_t)(inward ? port : 50000);
    batch_remote_port(b)[row] = (uint16_t)(inward ? 40000 : port);
    batch_protocol(b)[row] = 6;
    batch_packets_out(b)[row] = kind == PROBE || kind == BACKSCATTER ? 0 : 4;
    batch_packets_in(b)[row] = kind == FAILED ? 0 : 4;
    batch_octets_out(b)[row] = 100 * batch_packets_out(b)[row];
    batch_octets_in(b)[row] = 100 * batch_packets_in(b)[row];
    batch_tcp_flags_out(b)[row] = kind == FAILED ? 0x02 : 0x1b;
    batch_tcp_flags_in(b)[row] = kind == PROBE ? 0x02 : kind == BACKSCATTER ? 0x12 : 0x1b;
    batch_role(b)[row] = kind == SERVED                         ? ROLE_SERVED
                         : kind == PROBE || kind == BACKSCATTER ? ROLE_UNANSWERED
                                                                : ROLE_CONSUMED;
    batch_country(b)[row] = country_code("US");
    batch_asn(b)[row] = 15169;
    batch_owner(b)[row] = OWNER_CONSUMER_SERVICE;
    batch_sampling(b)[row] = 1;
    return row;
}

/* Forty hosts and 300 servers by people's hours; one connection in twelve fails. */
static void add_people(struct batch *b, struct random *r)
{
    for (uint64_t day = 0; day < DAYS; day++)
        for (int i = 0; i < 700; i++) {
            uint64_t at = day * DAY_S + 8 * HOUR_S + random_below(r, 12 * HOUR_S);
            unsigned from = (unsigned)random_below(r, 40), to = (unsigned)random_below(r, 300);
            add(b, random_below(r, 12) == 0 ? FAILED : ANSWERED, at, host(from),
                v4(198, 51, to / 200, to % 200), 443);
        }
    for (uint64_t i = 0; i < 2000; i++) { /* a server, its visitors, and who asks the wrong host */
        uint64_t at = random_below(r, DAYS * DAY_S);
        struct ip visitor = v4(192, 0, 2, (unsigned)random_below(r, 200));
        bool wrong = random_below(r, 40) == 0;
        add(b, wrong ? PROBE : SERVED, at, host(wrong ? 82 : 80), visitor, 80);
    }
    for (unsigned i = 0; i < 200; i++) { /* peers that left, each on its own port */
        add(b, FAILED, random_below(r, DAYS * DAY_S), host(41), v4(100, 64, i % 200, 9),
            10000 + (unsigned)random_below(r, 40000));
        size_t row = add(b, BACKSCATTER, random_below(r, DAYS * DAY_S),
                         host((unsigned)random_below(r, 1024)), v4(203, 0, 113, 99),
                         1024 + (unsigned)random_below(r, 60000));
        batch_remote_port(b)[row] = 80;
    }
}

/* One probe an hour for 28 days; 60 servers' port 22 from inside; 120 ports of one host; an IPv6
 * scan; a laboratory's server met once an hour, give or take half a minute, for 20 days. */
static void add_planted(struct batch *b, struct random *r)
{
    for (unsigned h = 0; h < DAYS * 24; h++)
        add(b, PROBE, (uint64_t)h * HOUR_S + random_below(r, HOUR_S), host((h * 37 + 100) % 1024),
            v4(222, 255, 27, 1), 445);
    for (unsigned i = 0; i < 60; i++)
        add(b, FAILED, 5 * DAY_S + i, host(7), v4(9, 9, i, 1), 22);
    for (unsigned i = 0; i < 120; i++)
        add(b, PROBE, 6 * DAY_S + i, host(90), v4(222, 255, 27, 2), 1024 + i);
    for (unsigned i = 0; i < 40; i++) {
        struct ip to = {.octet = {0x20, 0x01, 0x0d, 0xb8, 0, 1}}, from = to;
        to.octet[15] = (uint8_t)(i + 1);
        from.octet[5] = 0x99;
        add(b, PROBE, 8 * DAY_S + i * 600, to, from, 22);
    }
    for (unsigned h = 0; h < 20 * 24; h++) {
        size_t row = add(b, ANSWERED, DAY_S + (uint64_t)h * HOUR_S + 60 + random_below(r, 60),
                         host(3), v4(203, 0, 113, 5), 443);
        batch_country(b)[row] = country_code("JP");
        batch_asn(b)[row] = 7;
        batch_owner(b)[row] = OWNER_LABORATORY;
    }
}

static void import(struct store *s, const struct batch *b, uint8_t number)
{
    struct error err;
    struct import *i;
    enum store_seen seen;
    struct source source = {.path = "known.ipfix",
                            .format = "test",
                            .first_ms = APRIL_S * 1000,
                            .last_ms = (APRIL_S + DAYS * DAY_S) * 1000};
    struct coverage *c = coverage_new(10000);
    memset(source.sha256, number, sizeof source.sha256);
    tally_keep(&source.tally, b->rows);
    source.conversations = b->rows;
    for (size_t row = 0; row < b->rows; row++)
        coverage_at(c, batch_start_ms((struct batch *)b)[row], 0)->records++;
    if (import_begin(s, &source, &i, &seen, &err) || seen != STORE_NEW ||
        import_rows(i, (struct batch *)b, &err) || import_end(i, &source, c, &err) ||
        store_derive(s, false, &err))
        fail_msg("%s", err.text);
    coverage_free(c);
}

static json_t *model_of(struct study *study, struct store *store, struct catalogue *catalogue)
{
    struct error err;
    json_t *model = NULL;
    struct analysis_input in = {
        .study = study, .store = store, .catalogue = catalogue, .generated_ms = 1};
    if (analysis_run(&in, &model, &err) < 0)
        fail_msg("%s", err.text);
    return model;
}

static double number(const json_t *j, const char *key)
{
    return json_number_value(json_object_get(j, key));
}

/* The row of a list whose `key` is `text`; NULL when there is none. */
static const json_t *row_of(const json_t *list, const char *key, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_object_get(json_array_get(list, i), key));
        if (s && strcmp(s, text) == 0)
            return json_array_get(list, i);
    }
    return NULL;
}

static void check_null(const json_t *model)
{
    const json_t *recon = json_object_get(model, "recon");
    const json_t *out = json_object_get(recon, "outward"), *in = json_object_get(recon, "inward");
    assert_int_equal(json_array_size(json_object_get(recon, "scanners")), 0);
    assert_int_equal(json_array_size(json_object_get(recon, "sensitive")), 0);
    assert_true(number(out, "scanners") == 0 && number(in, "scanners") == 0);
    assert_true(number(out, "scattered") == 1); /* the peers that left */
    assert_true(number(json_object_get(out, "share"), "high") > 0);
    const json_t *contacts = json_object_get(model, "contacts");
    assert_true(json_array_size(contacts) > 0);
    for (size_t i = 0; i < json_array_size(contacts); i++)
        assert_false(json_is_true(json_object_get(json_array_get(contacts, i), "regular")));
    const json_t *findings = json_object_get(model, "findings");
    assert_non_null(row_of(findings, "id", "scans-out-none"));
    assert_non_null(row_of(findings, "id", "sensitive-none"));
    assert_non_null(row_of(findings, "id", "regular-pairs-none"));
    assert_null(row_of(findings, "id", "scans-in"));
}

static void check_planted(const json_t *model)
{
    const json_t *recon = json_object_get(model, "recon");
    const json_t *scanners = json_object_get(recon, "scanners");
    assert_int_equal(json_array_size(scanners), 4);
    const json_t *slow = row_of(scanners, "remote", "222.255.27.1");
    assert_true(number(slow, "flows") == DAYS * 24 && json_is_true(json_object_get(slow, "slow")));
    assert_true(number(json_object_get(slow, "evidence"), "flows") == DAYS * 24);
    assert_true(number(slow, "targets") == DAYS * 24 && number(slow, "ports_tried") == 1);
    const json_t *out = row_of(scanners, "local", "175.45.176.7");
    assert_string_equal(json_string_value(json_object_get(out, "shape")), "horizontal");
    assert_true(json_integer_value(json_array_get(json_object_get(out, "ports"), 0)) == 22);
    const json_t *tall = row_of(scanners, "remote", "222.255.27.2");
    assert_string_equal(json_string_value(json_object_get(tall, "shape")), "vertical");
    assert_true(number(tall, "ports_of_one_target") == 120);
    assert_non_null(row_of(scanners, "remote", "2001:db8:99::"));
    const json_t *laboratory = json_array_get(json_object_get(recon, "sensitive"), 0);
    assert_string_equal(json_string_value(json_object_get(laboratory, "kind")), "laboratory");
    assert_true(number(laboratory, "flows") == 480 && number(laboratory, "local_hosts") == 1);
    const json_t *pair = json_array_get(json_object_get(model, "contacts"), 0);
    assert_true(json_is_true(json_object_get(pair, "regular")));
    assert_string_equal(json_string_value(json_object_get(pair, "remote")), "203.0.113.5");
    assert_true(number(pair, "days_seen") == 20 && number(pair, "longest_run") == 20);
    assert_true(number(pair, "period_s") > 3590 && number(pair, "period_s") < 3610);
    for (size_t i = 1; i < json_array_size(json_object_get(model, "contacts")); i++)
        assert_false(json_is_true(
            json_object_get(json_array_get(json_object_get(model, "contacts"), i), "regular")));
    const json_t *findings = json_object_get(model, "findings");
    assert_non_null(row_of(findings, "id", "scans-in"));
    assert_non_null(row_of(findings, "id", "scans-out"));
    assert_non_null(row_of(findings, "id", "sensitive"));
    assert_non_null(row_of(findings, "id", "regular-pairs"));
}

static void nothing_is_found_out_of_nothing_and_what_is_planted_is_found(void **state)
{
    char text[PATH_MAX + sizeof STUDY], place[PATH_MAX];
    bool is_chdb = strcmp(*state, "chdb") == 0;
    struct error err;
    struct study *study = NULL;
    struct store *store = NULL;
    struct catalogue *catalogue = NULL;
    struct random r;
    if (*(is_chdb ? chdb_missing : server_missing)) {
        print_message("skipped: %s\n", is_chdb ? chdb_missing : server_missing);
        skip();
    }
    if (is_chdb)
        snprintf(place, sizeof place, "%s/store", folder);
    else
        snprintf(place, sizeof place, "clickhouse://default@127.0.0.1:%u/recon",
                 clickhouse_port(server));
    int len = snprintf(text, sizeof text, STUDY, place);
    if (study_parse(folder, "study.yaml", text, (size_t)len, &study, &err) ||
        store_open(study, STORE_WRITE, &store, &err) || catalogue_load(NULL, 0, &catalogue, &err))
        fail_msg("%s", err.text);
    random_init(&r, 11);
    struct batch *b = batch_new(STAGE_FLOW, ROWS_MAX);
    add_people(b, &r);
    import(store, b, 1);
    json_t *model = model_of(study, store, catalogue);
    check_null(model);
    json_decref(model);
    batch_free(b);
    b = batch_new(STAGE_FLOW, ROWS_MAX);
    add_planted(b, &r);
    import(store, b, 2);
    model = model_of(study, store, catalogue);
    check_planted(model);
    json_decref(model);
    batch_free(b);
    catalogue_free(catalogue);
    store_close(store);
    study_free(study);
}

static int set_up(void **state)
{
    struct engine *e;
    struct error err;
    char path[PATH_MAX];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/probe", folder);
    if (engine_open_chdb(path, NULL, &e, &err) == 0)
        engine_close(e);
    else
        snprintf(chdb_missing, sizeof chdb_missing, "%s", err.text);
    if (clickhouse_start(&server, &err))
        snprintf(server_missing, sizeof server_missing, "%s", err.text);
    return 0;
}

static int tear_down(void **state)
{
    char command[PATH_MAX];
    (void)state;
    clickhouse_stop(server);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#define TEST nothing_is_found_out_of_nothing_and_what_is_planted_is_found

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"found or not (chdb)", TEST, NULL, NULL, "chdb"},
        {"found or not (clickhouse)", TEST, NULL, NULL, "http"},
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
