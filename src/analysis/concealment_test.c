/* SPDX-License-Identifier: Apache-2.0 */
/* Ties to one provider month after month, relays by their role on the day, and the population's own
 * servers, from conversations of which the truth is known. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "attribute/dated.h"
#include "schema/values.h"

#define DAY_MS   INT64_C(86400000)
#define APRIL_MS UINT64_C(1491004800000) /* 2017-04-01 */

static char folder[PATH_MAX];
static char missing[1024];

/* One conversation on each of some days. */
struct group {
    int from_day, to_day, every; /* from 2017-04-01 */
    const char *service, *category;
    uint8_t local, remote; /* last octets */
    uint16_t port;         /* remote's; served: local's */
    uint32_t asn;
    uint8_t role;
};

static void add_group(struct batch *b, struct symbols *symbols, const struct group *g)
{
    for (int day = g->from_day; day <= g->to_day; day += g->every) {
        size_t row = batch_add(b);
        bool served = g->role == ROLE_SERVED;
        batch_start_ms(b)[row] = APRIL_MS + (uint64_t)(day * DAY_MS) + 43200000;
        batch_end_ms(b)[row] = batch_start_ms(b)[row] + 1000;
        batch_local(b)[row] = ip_from_v4((const uint8_t[]){175, 45, 176, g->local});
        batch_remote(b)[row] = ip_from_v4((const uint8_t[]){198, 51, 100, g->remote});
        batch_local_port(b)[row] = served ? g->port : 50000;
        batch_remote_port(b)[row] = served ? 50000 : g->port;
        batch_protocol(b)[row] = 6;
        batch_packets_out(b)[row] = batch_packets_in(b)[row] = 4;
        batch_octets_out(b)[row] = 400;
        batch_role(b)[row] = g->role;
        batch_service(b)[row] =
            (uint16_t)symbols_code(symbols, SYMBOL_SERVICE, g->service, strlen(g->service));
        batch_category(b)[row] =
            (uint16_t)symbols_code(symbols, SYMBOL_CATEGORY, g->category, strlen(g->category));
        batch_basis(b)[row] = BASIS_PREFIX;
        batch_asn(b)[row] = g->asn;
        batch_sampling(b)[row] = 1;
    }
}

static void import(struct store *store, const struct group *groups, size_t count)
{
    struct error err;
    struct import *i;
    enum store_seen seen;
    struct batch *b = batch_new(STAGE_FLOW, 10000);
    struct coverage *c = coverage_new(10000);
    struct source source = {.path = "test", .format = "test"};
    for (size_t k = 0; k < count; k++)
        add_group(b, store_symbols(store), &groups[k]);
    tally_keep(&source.tally, b->rows);
    source.conversations = b->rows;
    source.first_ms = batch_start_ms(b)[0];
    source.last_ms = batch_start_ms(b)[b->rows - 1];
    for (size_t row = 0; row < b->rows; row++)
        coverage_at(c, batch_start_ms(b)[row], 0)->records++;
    if (import_begin(store, &source, &i, &seen, &err) || import_rows(i, b, &err) ||
        import_end(i, &source, c, &err) || store_derive(store, false, &err))
        fail_msg("%s", err.text);
    coverage_free(c);
    batch_free(b);
}

static json_t *model_of(const struct group *groups, size_t count)
{
    static const char text[] = "name: t\ntimezone: Etc/UTC\nperiod: {from: 2017-04-01, to: "
                               "2017-07-31}\npopulation:\n  - {prefix: 175.45.176.0/22}\n";
    struct error err;
    struct study *study;
    struct store *store;
    struct catalogue *catalogue;
    json_t *model = NULL;
    if (study_parse(folder, "study.yaml", text, sizeof text - 1, &study, &err) ||
        store_open(study, STORE_WRITE, &store, &err) || catalogue_load(NULL, 0, &catalogue, &err))
        fail_msg("%s", err.text);
    import(store, groups, count);
    struct analysis_input in = {
        .study = study, .store = store, .catalogue = catalogue, .generated_ms = 1};
    if (analysis_run(&in, &model, &err) < 0)
        fail_msg("%s", err.text);
    catalogue_free(catalogue);
    store_close(store);
    study_free(study);
    return model;
}

static int setup(void **state)
{
    (void)state;
    struct error err;
    struct engine *engine;
    char lists[PATH_MAX + 8], store[PATH_MAX + 8];
    snprintf(folder, sizeof folder, "/tmp/telltale-concealment-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(lists, sizeof lists, "%s/lists", folder);
    snprintf(store, sizeof store, "%s/try", folder);
    if (engine_open_chdb(store, &engine_limits_default, &engine, &err) < 0)
        snprintf(missing, sizeof missing, "%s", err.text);
    else
        engine_close(engine);
    return mkdir(lists, 0755);
}

static int teardown(void **state)
{
    (void)state;
    char command[PATH_MAX + 16];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? 0 : -1;
}

static void skip_without_engine(void)
{
    if (missing[0]) {
        print_message("skipped: %s\n", missing);
        skip();
    }
}

static long long number(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

/* Days from 2017-04-01: April 0 to 29, May 30 to 60, June 61 to 90, July 91 to 121. */
static void a_provider_is_followed_through_its_networks(void **state)
{
    (void)state;
    skip_without_engine();
    const struct group groups[] = {
        {0, 121, 4, "mullvad", "vpn", 9, 1, 1194, 39351, ROLE_CONSUMED},
        {2, 121, 4, "mullvad", "vpn", 9, 2, 1194, 9009, ROLE_CONSUMED},
        /* A protocol leads to anybody: one network for two months, then another. */
        {0, 60, 3, "openvpn", "vpn", 10, 3, 1194, 64500, ROLE_CONSUMED},
        {61, 121, 3, "openvpn", "vpn", 10, 4, 1194, 64501, ROLE_CONSUMED},
        /* ... and within one network. */
        {0, 95, 3, "wireguard", "vpn", 11, 5, 51820, 64502, ROLE_CONSUMED},
        /* A month between without it. */
        {0, 40, 3, "nordvpn", "vpn", 12, 6, 443, 64503, ROLE_CONSUMED},
        {95, 121, 3, "nordvpn", "vpn", 12, 6, 443, 64503, ROLE_CONSUMED},
        {0, 121, 1, "facebook", "social", 9, 7, 443, 32934, ROLE_CONSUMED},
    };
    json_t *model = model_of(groups, sizeof groups / sizeof *groups);
    const json_t *ties = json_object_get(json_object_get(model, "concealment"), "subscriptions");
    assert_int_equal(json_array_size(ties), 2);
    const json_t *first = json_array_get(ties, 0), *second = json_array_get(ties, 1);
    assert_string_equal(text_of(first, "local"), "175.45.176.9");
    assert_string_equal(text_of(first, "provider"), "Mullvad");
    assert_int_equal(number(first, "months"), 4);
    assert_int_equal(number(first, "days_seen"), 61);
    assert_int_equal(number(first, "flows"), 61);
    assert_string_equal(text_of(second, "local"), "175.45.176.11");
    assert_string_equal(text_of(second, "provider"), "WireGuard");
    assert_int_equal(number(second, "months"), 3);
    assert_int_equal(number(second, "asn"), 64502);
    json_decref(model);
}

static void put_consensus(struct buf *text, int day, const char *ip, const char *flags)
{
    buf_format(text,
               "network-status-version 3\nvote-status consensus\nconsensus-method 25\n"
               "valid-after 2017-%02d-%02d 00:00:00\n"
               "r a AAECAwQFBgcICQoLDA0ODxAREhM 8mCr8Sl7RF4ENU4jb0FZFA/3do8 2017-03-31 18:00:00 "
               "%s 9001 0\ns %s Running Valid\n"
               "r b ABPSI4nNUNC3hKPkBhyzHozozrU 8mCr8Sl7RF4ENU4jb0FZFA/3do8 2017-03-31 18:00:00 "
               "198.51.100.22 9001 0\ns Running Valid\ndirectory-footer\n",
               day < 30 ? 4 : 5, day < 30 ? day + 1 : day - 29, ip, flags);
}

static void a_relay_has_its_role_of_the_day(void **state)
{
    (void)state;
    skip_without_engine();
    struct buf text;
    struct error err;
    struct tor_table *table;
    char path[PATH_MAX + 32], lists[PATH_MAX + 8];
    buf_init(&text, 1 << 20);
    for (int day = 0; day < 40; day++) /* a guard, from the 16th day on an exit too; then no more */
        put_consensus(&text, day, "198.51.100.21", day < 15 ? "Guard" : "Guard Exit");
    struct tor_builder *b = tor_builder_new(NULL, 1000);
    assert_int_equal(tor_builder_octets(b, bytes_of(text.at, text.len), &err), 0);
    assert_int_equal(tor_builder_table(b, &table, &err), 0);
    snprintf(lists, sizeof lists, "%s/lists", folder);
    dated_tor_path(lists, path, sizeof path);
    assert_int_equal(tor_save(table, path, &err), 0);
    tor_free(table);
    tor_builder_free(b);
    buf_done(&text);
    const struct group groups[] = {
        {0, 49, 1, "tor", "tor", 9, 21, 9001, 64500, ROLE_CONSUMED},
        {0, 9, 1, "tor", "tor", 9, 22, 9001, 64500, ROLE_CONSUMED}, /* listed, never a guard */
        {0, 121, 1, "facebook", "social", 9, 7, 443, 32934, ROLE_CONSUMED},
    };
    json_t *model = model_of(groups, sizeof groups / sizeof *groups);
    const json_t *tor = json_object_get(json_object_get(model, "concealment"), "tor");
    const json_t *guard = json_array_get(tor, 0), *middle = json_array_get(tor, 1);
    const json_t *roles = json_object_get(guard, "roles");
    assert_string_equal(text_of(guard, "relay"), "198.51.100.21");
    assert_string_equal(text_of(guard, "role"), "guard and exit");
    assert_int_equal(number(roles, "guard"), 15);
    assert_int_equal(number(roles, "guard and exit"), 25);
    assert_int_equal(number(roles, "unknown"), 10);
    assert_string_equal(text_of(middle, "role"), "middle");
    /* A client enters by guards: the other relay is none of its entries. */
    assert_int_equal(number(guard, "relays_of_host"), 1);
    assert_true(json_is_true(json_object_get(json_object_get(guard, "guard_policy"), "normal")));
    json_decref(model);
}

static void servers_are_what_others_asked(void **state)
{
    (void)state;
    skip_without_engine();
    const struct group groups[] = {
        {0, 9, 1, "own-web", "infrastructure", 20, 30, 80, 64500, ROLE_SERVED},
        {0, 9, 1, "own-web", "infrastructure", 20, 31, 80, 64500, ROLE_SERVED},
        {0, 0, 1, "own-server", "infrastructure", 20, 32, 80, 64500, ROLE_SERVED},
        {0, 2, 1, "own-mail", "infrastructure", 21, 30, 25, 64500, ROLE_SERVED},
        {0, 1, 1, "own-server", "infrastructure", 22, 30, 8080, 64500, ROLE_SERVED}, /* chance */
        {0, 50, 1, "facebook", "social", 9, 7, 443, 32934, ROLE_CONSUMED},
    };
    json_t *model = model_of(groups, sizeof groups / sizeof *groups);
    const json_t *totals = json_object_get(model, "totals");
    const json_t *servers = json_object_get(totals, "servers");
    assert_int_equal(json_array_size(servers), 2);
    assert_int_equal(number(totals, "servers_in_all"), 2);
    const json_t *web = json_array_get(servers, 0), *mail = json_array_get(servers, 1);
    assert_string_equal(text_of(web, "local"), "175.45.176.20");
    assert_string_equal(text_of(web, "service"), "own-web");
    assert_string_equal(text_of(web, "protocol"), "tcp");
    assert_int_equal(number(web, "port"), 80);
    assert_int_equal(number(web, "flows"), 21);
    assert_int_equal(number(web, "remotes"), 3);
    assert_int_equal(number(web, "days"), 10);
    assert_int_equal(number(web, "octets_sent"), 8400);
    assert_int_equal(number(mail, "port"), 25);
    json_decref(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_provider_is_followed_through_its_networks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_relay_has_its_role_of_the_day, setup, teardown),
        cmocka_unit_test_setup_teardown(servers_are_what_others_asked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
