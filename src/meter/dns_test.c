/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "meter/craft.h"
#include "meter/dns.h"

enum { A = 1, CNAME = 5, AAAA = 28 };

struct message {
    uint8_t octets[1500];
    size_t len;
};

/* "www.example.com" in wire form; a part "@N" is a pointer to N and ends the name. */
static void add_name(struct message *m, const char *name)
{
    while (*name && *name != '@') {
        size_t len = strcspn(name, ".");
        m->octets[m->len++] = (uint8_t)len;
        memcpy(m->octets + m->len, name, len);
        m->len += len;
        name += len + (name[len] == '.');
    }
    if (*name == '@')
        m->len += craft_be(m->octets + m->len, 0xc000 | strtoul(name + 1, NULL, 10), 2);
    else
        m->octets[m->len++] = 0;
}

static void start(struct message *m, const char *asked, uint16_t type)
{
    *m = (struct message){.len = 12};
    craft_be(m->octets, 0x1234, 2);
    craft_be(m->octets + 2, 0x8180, 2);
    craft_be(m->octets + 4, 1, 2);
    add_name(m, asked);
    m->len += craft_be(m->octets + m->len, type, 2);
    m->len += craft_be(m->octets + m->len, 1, 2);
}

static void record_start(struct message *m, const char *owner, uint16_t type, uint32_t ttl_s)
{
    m->octets[7]++; /* answers */
    add_name(m, owner);
    m->len += craft_be(m->octets + m->len, type, 2);
    m->len += craft_be(m->octets + m->len, 1, 2);
    m->len += craft_be(m->octets + m->len, ttl_s, 4);
}

static void add_a(struct message *m, const char *owner, uint32_t ttl_s, uint32_t address)
{
    record_start(m, owner, A, ttl_s);
    m->len += craft_be(m->octets + m->len, 4, 2);
    m->len += craft_be(m->octets + m->len, address, 4);
}

static void add_cname(struct message *m, const char *owner, uint32_t ttl_s, const char *to)
{
    record_start(m, owner, CNAME, ttl_s);
    size_t len_at = m->len;
    m->len += 2;
    add_name(m, to);
    craft_be(m->octets + len_at, m->len - len_at - 2, 2);
}

static struct sightings seen;
static const struct ip client = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}};

static size_t read_message(const struct message *m, size_t len)
{
    uint8_t *exact = memory_alloc(len ? len : 1);
    memcpy(exact, m->octets, len);
    seen.count = 0;
    size_t found = dns_read(bytes_of(exact, len), 1000, &client, &seen);
    free(exact);
    assert_int_equal(found, seen.count);
    return found;
}

static void assert_sighting(size_t i, const char *name, uint32_t ttl_s, const char *address)
{
    char text[IP_TEXT_MAX];
    const struct sighting *s = &seen.rows[i];
    size_t len = ip_print(&s->ip, text);
    assert_int_equal(len, strlen(address));
    assert_memory_equal(text, address, len);
    assert_int_equal(s->name_len, strlen(name));
    assert_memory_equal(s->name, name, s->name_len);
    assert_int_equal(s->ttl_s, ttl_s);
    assert_int_equal(s->time_ms, 1000);
    assert_true(ip_equal(&s->client, &client));
}

static void test_answers(void **state)
{
    (void)state;
    struct message m;
    start(&m, "WWW.Example.com", A);
    add_a(&m, "@12", 300, 0xc0000201);
    add_a(&m, "www.EXAMPLE.com", 60, 0xc0000202);
    add_a(&m, "other.example.com", 60, 0xc0000203); /* not asked for */
    assert_int_equal(read_message(&m, m.len), 2);
    assert_sighting(0, "www.example.com", 300, "192.0.2.1");
    assert_sighting(1, "www.example.com", 60, "192.0.2.2");
    start(&m, "six.example", AAAA);
    record_start(&m, "@12", AAAA, 0x80000000); /* RFC 2181 section 8 */
    m.len += craft_be(m.octets + m.len, 16, 2);
    m.len += craft_be(m.octets + m.len, 0x20010db800000000, 8);
    m.len += craft_be(m.octets + m.len, 1, 8);
    assert_int_equal(read_message(&m, m.len), 1);
    assert_sighting(0, "six.example", 0, "2001:db8::1");
}

/* The name is the one asked for, whatever the aliases' order; the least time to live counts. */
static void test_aliases(void **state)
{
    (void)state;
    struct message m;
    start(&m, "www.shop.example", A);
    add_a(&m, "edge.cdn.example", 500, 0xc0000209);
    add_cname(&m, "shop.cdn.example", 40, "edge.cdn.example");
    add_cname(&m, "@12", 900, "shop.cdn.example");
    assert_int_equal(read_message(&m, m.len), 1);
    assert_sighting(0, "www.shop.example", 40, "192.0.2.9");
    /* A circle of aliases ends. */
    start(&m, "a.example", A);
    add_cname(&m, "a.example", 40, "b.example");
    add_cname(&m, "b.example", 40, "a.example");
    add_a(&m, "b.example", 500, 0xc0000209);
    assert_int_equal(read_message(&m, m.len), 1);
    /* So does a long chain: the names past the limit are not followed. */
    start(&m, "n0", A);
    for (int i = 0; i < 30; i++) {
        char from[8], to[8];
        snprintf(from, sizeof from, "n%d", i);
        snprintf(to, sizeof to, "n%d", i + 1);
        add_cname(&m, from, 9, to);
    }
    add_a(&m, "n16", 9, 0xc0000201);
    add_a(&m, "n17", 9, 0xc0000201);
    assert_int_equal(read_message(&m, m.len), 1);
}

static void test_nothing_to_add(void **state)
{
    (void)state;
    struct message m;
    start(&m, "a.example", A);
    add_a(&m, "@12", 9, 0xc0000201);
    assert_int_equal(read_message(&m, m.len), 1);
    craft_be(m.octets + 2, 0x0100, 2); /* a query */
    assert_int_equal(read_message(&m, m.len), 0);
    craft_be(m.octets + 2, 0x8183, 2); /* NXDOMAIN */
    assert_int_equal(read_message(&m, m.len), 0);
    craft_be(m.octets + 2, 0x8180, 2);
    m.octets[13] = ' '; /* not a host name */
    assert_int_equal(read_message(&m, m.len), 0);
    m.octets[13] = ':';
    assert_int_equal(read_message(&m, m.len), 0);
}

/* Pointers that turn in a circle, point at themselves, ahead or outside. */
static void test_pointers(void **state)
{
    (void)state;
    struct message m;
    const char *const owners[] = {"@28", "@27", "@200", "@16000", "x.@27", "@29"};
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        start(&m, "a.example", A);
        assert_int_equal(m.len, 27);
        add_a(&m, owners[i], 9, 0xc0000201);
        assert_int_equal(read_message(&m, m.len), 0);
    }
}

static void test_truncations(void **state)
{
    (void)state;
    struct message m;
    start(&m, "www.shop.example", A);
    add_cname(&m, "@12", 900, "shop.cdn.example");
    add_a(&m, "shop.cdn.example", 500, 0xc0000209);
    size_t first = m.len;
    add_a(&m, "shop.cdn.example", 500, 0xc000020a);
    for (size_t len = 0; len <= m.len; len++)
        assert_int_equal(read_message(&m, len), len == m.len ? 2 : len >= first ? 1 : 0);
    for (size_t at = 0; at < m.len; at++)
        for (unsigned value = 0; value < 256; value += 5) {
            struct message changed = m;
            changed.octets[at] = (uint8_t)value;
            read_message(&changed, m.len);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_nothing_to_add), cmocka_unit_test(test_pointers),
        cmocka_unit_test(test_truncations),
    };
    sightings_init(&seen, 64);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sightings_done(&seen);
    return failed;
}
