/* SPDX-License-Identifier: Apache-2.0 */
/* Our walk of libloc's tree against libloc itself on random addresses, and against what the
 * captures' samples of other databases say. Skipped where the database is not installed. */
#include "attribute/geo.h"

#include <libloc/database.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "schema/values.h"

static const char DATABASE[] = "/var/lib/location/database.db";

static struct geo *open_geo(void)
{
    struct geo *g = NULL;
    struct error err = {0};
    if (access(DATABASE, R_OK) != 0)
        skip();
    if (geo_open(NULL, NULL, &g, &err) != 0)
        fail_msg("%s", err.text);
    return g;
}

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(text, strlen(text), &ip));
    return ip;
}

static struct place at(struct geo *g, const char *text)
{
    struct ip ip = ip_of(text);
    return geo_find(g, &ip);
}

static void test_known_addresses(void **state)
{
    (void)state;
    struct geo *g = open_geo();
    char name[128];
    assert_int_equal(at(g, "175.45.176.81").country, country_code("KP"));
    assert_int_equal(at(g, "175.45.176.81").asn, 131279);
    assert_int_equal(at(g, "8.8.8.8").asn, 15169);
    assert_int_equal(at(g, "2001:4860:4860::8888").asn, 15169);
    struct ip ip = ip_of("175.45.176.81");
    geo_as_name(g, 131279, &ip, name, sizeof name);
    assert_non_null(strstr(name, "Star Joint Venture"));
    assert_int_equal(at(g, "10.1.2.3").asn, 0);
    assert_int_equal(at(g, "0.0.0.0").asn, 0);
    assert_int_equal(at(g, "255.255.255.255").asn, 0);
    assert_non_null(strstr(geo_source(g), "libloc"));
    assert_true(geo_made_s(g) > 1500000000);
    geo_free(g);
}

/* Where libloc gives an AS or a country, ours is the same; ours may know more from the network
 * around. */
static void test_against_libloc(void **state)
{
    (void)state;
    struct geo *g = open_geo();
    struct loc_ctx *ctx = NULL;
    struct loc_database *db = NULL;
    FILE *f = fopen(DATABASE, "re");
    assert_non_null(f);
    assert_int_equal(loc_new(&ctx), 0);
    assert_int_equal(loc_database_new(ctx, &db, f), 0);
    struct random r;
    random_init(&r, 1);
    unsigned found = 0, more = 0;
    for (int i = 0; i < 200000; i++) {
        struct ip ip = ip_of("::ffff:0.0.0.0");
        uint32_t v4 = (uint32_t)random_u64(&r);
        memcpy(ip.octet + 12, &v4, 4);
        if (i % 4 == 0) { /* IPv6 within 2000::/4 */
            uint64_t half = random_u64(&r);
            memcpy(ip.octet, &half, 8);
            memset(ip.octet + 8, 0, 8);
            ip.octet[0] = (uint8_t)(0x20 | (ip.octet[0] & 0x0f));
            ip.octet[1] &= 0x0f;
        }
        struct in6_addr address;
        memcpy(&address, ip.octet, 16);
        struct loc_network *network = NULL;
        struct place place = geo_find(g, &ip);
        if (loc_database_lookup(db, &address, &network) != 0 || !network)
            continue;
        found++;
        uint32_t asn = loc_network_get_asn(network);
        const char *country = loc_network_get_country_code(network);
        if (asn)
            assert_int_equal(place.asn, asn);
        if (country && country[0])
            assert_int_equal(place.country, country_code(country));
        more += (!asn && place.asn) || (!(country && country[0]) && place.country);
        loc_network_unref(network);
    }
    print_message("# %u of 200000 random addresses found; more known than libloc says: %u\n", found,
                  more);
    assert_true(found > 50000);
    loc_database_unref(db);
    loc_unref(ctx);
    fclose(f);
    geo_free(g);
}

static void test_compiled_is_the_same(void **state)
{
    (void)state;
    struct geo *g = open_geo();
    struct random r;
    enum { COUNT = 512 };
    struct ip ips[COUNT];
    struct place places[COUNT];
    random_init(&r, 9);
    geo_compile(g);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < COUNT; i++) {
            uint32_t v4 = (uint32_t)random_u64(&r);
            ips[i] = ip_from_v4((const uint8_t *)&v4);
            if (i % 3 == 0) {
                memset(ips[i].octet, 0, 16);
                memcpy(ips[i].octet + 2, &v4, 4);
                ips[i].octet[0] = (uint8_t)(i & 1 ? 0x2a : 0x20), ips[i].octet[1] = (uint8_t)i;
            }
        }
        geo_find_many(g, ips, COUNT, places);
        for (int i = 0; i < COUNT; i++) {
            struct place plain = geo_find(g, &ips[i]);
            assert_int_equal(places[i].asn, plain.asn);
            assert_int_equal(places[i].country, plain.country);
            assert_int_equal(places[i].flags, plain.flags);
        }
    }
    geo_free(g);
}

static void test_missing_files(void **state)
{
    (void)state;
    struct geo *g = NULL;
    struct error err = {0};
    assert_int_equal(geo_open("/nonexistent.mmdb", "/nonexistent.mmdb", &g, &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "/nonexistent.mmdb"));
    setenv("TELLTALE_LIBLOC", "/nonexistent.db", 1);
    assert_int_equal(geo_open(NULL, NULL, &g, &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "/nonexistent.db"));
    setenv("TELLTALE_LIBLOC", "/dev/null", 1);
    assert_int_equal(geo_open(NULL, NULL, &g, &err), ERROR_FAILED);
    unsetenv("TELLTALE_LIBLOC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_addresses),
        cmocka_unit_test(test_against_libloc),
        cmocka_unit_test(test_compiled_is_the_same),
        cmocka_unit_test(test_missing_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
