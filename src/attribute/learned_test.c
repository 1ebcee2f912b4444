/* SPDX-License-Identifier: Apache-2.0 */
/* Names never outlive what DNS told, belong to the client that was told, and stay in bounds. */
#include "attribute/learned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum { T0 = 1000000 };

static struct ip ip(const char *text)
{
    struct ip ret;
    assert_true(ip_parse(text, strlen(text), &ret));
    return ret;
}

static void tell(struct learned *l, const char *client, const char *at, uint64_t ms, uint32_t ttl,
                 const char *name)
{
    struct ip c = ip(client), a = ip(at);
    learned_add(l, &c, &a, ms, ttl, name, strlen(name));
}

/* The names the client held, joined by a blank. */
static const char *held(struct learned *l, const char *client, const char *at, uint64_t ms)
{
    static char text[1024];
    struct learned_name names[LEARNED_NAMES_MAX];
    struct ip c = ip(client ? client : "::"), a = ip(at);
    size_t len = 0, count = learned_find(l, client ? &c : NULL, &a, ms, names);
    text[0] = 0;
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", i ? " " : "",
                                (int)names[i].name.len, (const char *)names[i].name.at);
    return text;
}

static void test_time_to_live(void **state)
{
    (void)state;
    struct learned *l = learned_new(1024, 256);
    tell(l, "10.0.0.1", "192.0.2.1", T0, 300, "a.example");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0), "a.example");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 + 300000), "a.example");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 + 300001), "");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 - LEARNED_SLACK_MS), "a.example");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 - LEARNED_SLACK_MS - 1), "");
    /* A TTL of 0 still serves the connection that follows. */
    tell(l, "10.0.0.1", "192.0.2.2", T0, 0, "b.example");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.2", T0 + 60000), "b.example");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.2", T0 + 60001), "");
    learned_free(l);
}

static void test_belongs_to_the_client(void **state)
{
    (void)state;
    struct learned *l = learned_new(1024, 256);
    tell(l, "10.0.0.1", "192.0.2.1", T0, 300, "a.example");
    tell(l, "10.0.0.2", "192.0.2.1", T0 + 1000, 300, "b.example");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 + 5000), "a.example");
    assert_string_equal(held(l, "10.0.0.2", "192.0.2.1", T0 + 5000), "b.example");
    assert_string_equal(held(l, "10.0.0.3", "192.0.2.1", T0 + 5000), "");
    assert_string_equal(held(l, NULL, "192.0.2.1", T0 + 5000), "b.example a.example");
    learned_free(l);
}

static void test_asked_again_goes_on(void **state)
{
    (void)state;
    struct learned *l = learned_new(1024, 256);
    tell(l, "10.0.0.1", "192.0.2.1", T0, 60, "a.example");
    tell(l, "10.0.0.1", "192.0.2.1", T0 + 61000, 60, "a.example");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0), "a.example");
    /* Long after, a new window: the time between is not covered. */
    tell(l, "10.0.0.1", "192.0.2.1", T0 + 9000000, 60, "a.example");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 + 1000000), "");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 + 9000000), "a.example");
    learned_free(l);
}

static void test_a_held_connection_keeps_the_name(void **state)
{
    (void)state;
    struct learned *l = learned_new(1024, 256);
    struct ip client = ip("10.0.0.1"), at = ip("192.0.2.1");
    struct learned_name names[LEARNED_NAMES_MAX];
    tell(l, "10.0.0.1", "192.0.2.1", T0, 60, "a.example");
    assert_int_equal(learned_find(l, &client, &at, T0, names), 1);
    learned_held(l, &client, &at, names[0].number, T0 + 3600000);
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 + 3600000 + 60000), "a.example");
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 + 3600000 + 60001), "");
    learned_held(l, &client, &at, names[0].number, T0 + 400000000); /* but not past a day */
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 + 86400001), "");
    learned_free(l);
}

static void test_latest_first_and_at_most_four(void **state)
{
    (void)state;
    struct learned *l = learned_new(1024, 256);
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.example", i);
        tell(l, "10.0.0.1", "192.0.2.1", T0 + (uint64_t)i * 1000, 300, name);
    }
    assert_string_equal(held(l, "10.0.0.1", "192.0.2.1", T0 + 10000),
                        "5.example 4.example 3.example 2.example");
    learned_free(l);
}

/* A flood of answers: memory stays, no name is ever another's. */
static void test_flood(void **state)
{
    (void)state;
    struct learned *l = learned_new(512, 128);
    struct random r;
    random_init(&r, 3);
    for (uint64_t i = 0; i < 50000; i++) {
        char name[40];
        struct ip client = ip("10.0.0.1"), at = ip("192.0.2.0");
        client.octet[15] = (uint8_t)random_below(&r, 8);
        at.octet[14] = (uint8_t)random_below(&r, 256), at.octet[15] = (uint8_t)random_u64(&r);
        snprintf(name, sizeof name, "%u-%u-%u.example", client.octet[15], at.octet[14],
                 at.octet[15]);
        learned_add(l, &client, &at, T0 + i * 10, 300, name, strlen(name));
        struct learned_name found[LEARNED_NAMES_MAX];
        size_t count = learned_find(l, &client, &at, T0 + i * 10, found);
        assert_int_equal(count, 1);
        assert_int_equal(found[0].name.len, strlen(name));
        assert_memory_equal(found[0].name.at, name, found[0].name.len);
    }
    struct learned_counts counts = learned_counts(l);
    assert_int_equal(counts.answers, 50000);
    assert_true(counts.evicted > 0 && counts.names_full > 0);
    learned_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_to_live),
        cmocka_unit_test(test_belongs_to_the_client),
        cmocka_unit_test(test_asked_again_goes_on),
        cmocka_unit_test(test_a_held_connection_keeps_the_name),
        cmocka_unit_test(test_latest_first_and_at_most_four),
        cmocka_unit_test(test_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
