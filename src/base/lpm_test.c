/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/lpm.h"
#include "base/random.h"

/* The plain list that the clever table is compared with. */
struct listed {
    struct prefix prefix;
    uint32_t value;
};

static const struct listed *list_find(const struct listed *list, size_t count, const struct ip *ip)
{
    const struct listed *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (prefix_contains(&list[i].prefix, ip) &&
            (!best || list[i].prefix.len_bits >= best->prefix.len_bits))
            best = &list[i];
    return best;
}

/* Few distinct octets, so that prefixes nest and addresses hit them. */
static struct ip random_ip(struct random *r, bool v4)
{
    static const uint8_t octets[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    struct ip ip;
    for (size_t i = 0; i < IP_OCTETS; i++)
        ip.octet[i] = random_below(r, 4) ? octets[random_below(r, 6)] : (uint8_t)random_u64(r);
    if (v4)
        memcpy(ip.octet, IP_V4_MAPPED, 12);
    else if (random_below(r, 8) == 0)
        memcpy(ip.octet, IP_V4_MAPPED, 11); /* close to IPv4's range */
    return ip;
}

static struct prefix random_prefix(struct random *r)
{
    bool v4 = random_below(r, 2);
    struct ip ip = random_ip(r, v4);
    char text[PREFIX_TEXT_MAX + 8], address[IP_TEXT_MAX];
    ip_print(&ip, address);
    v4 = ip_is_v4(&ip);
    snprintf(text, sizeof text, "%s/%u", address, (unsigned)random_below(r, v4 ? 33 : 129));
    struct prefix p;
    assert_true(prefix_parse(text, strlen(text), false, &p));
    return p;
}

static void check_address(const struct lpm *l, const struct listed *list, size_t count,
                          const struct ip *ip, uint32_t many)
{
    const struct listed *want = list_find(list, count, ip);
    assert_int_equal(lpm_lookup(l, ip), want ? want->value : LPM_NONE);
    assert_int_equal(many, want ? want->value : LPM_NONE);
    struct prefix found;
    uint32_t value;
    assert_int_equal(lpm_find(l, ip, &found, &value), want != NULL);
    if (want) {
        assert_int_equal(value, want->value);
        assert_int_equal(found.len_bits, want->prefix.len_bits);
        assert_true(ip_equal(&found.ip, &want->prefix.ip));
    }
}

static void neighbour(struct ip *ip, int step)
{
    for (int i = IP_OCTETS - 1; i >= 0; i--) {
        ip->octet[i] = (uint8_t)(ip->octet[i] + step);
        if (ip->octet[i] != (step > 0 ? 0 : 0xff))
            return;
    }
}

static void answers_as_a_plain_list_does(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 20170401);
    for (int round = 0; round < 300; round++) {
        size_t count = random_below(&r, round % 10 == 0 ? 400 : 24);
        struct listed list[400];
        struct lpm *l = lpm_new();
        for (size_t i = 0; i < count; i++) {
            list[i].prefix = i && random_below(&r, 10) == 0 ? list[random_below(&r, i)].prefix
                                                            : random_prefix(&r);
            list[i].value = (uint32_t)random_below(&r, 5);
            lpm_add(l, &list[i].prefix, list[i].value);
        }
        lpm_seal(l);
        enum { ASKED = 2000 };
        struct ip *ips = test_malloc(ASKED * sizeof *ips);
        uint32_t *many = test_malloc(ASKED * sizeof *many);
        for (size_t i = 0; i < ASKED; i++) {
            ips[i] = random_ip(&r, random_below(&r, 2));
            if (count && random_below(&r, 3)) { /* at and beside the boundaries */
                struct ip first, last;
                prefix_range(&list[random_below(&r, count)].prefix, &first, &last);
                ips[i] = random_below(&r, 2) ? first : last;
                int step = (int)random_below(&r, 3) - 1;
                if (step)
                    neighbour(&ips[i], step);
            }
        }
        lpm_lookup_many(l, ips, ASKED, many);
        for (size_t i = 0; i < ASKED; i++)
            check_address(l, list, count, &ips[i], many[i]);
        test_free(ips);
        test_free(many);
        lpm_free(l);
    }
}

static uint32_t ask(const struct lpm *l, const char *text)
{
    struct ip ip;
    assert_true(ip_parse(text, strlen(text), &ip));
    return lpm_lookup(l, &ip);
}

static struct lpm *table(const char *const *texts, size_t count)
{
    struct lpm *l = lpm_new();
    for (size_t i = 0; i < count; i++) {
        struct prefix p;
        assert_true(prefix_parse(texts[i], strlen(texts[i]), true, &p));
        lpm_add(l, &p, (uint32_t)i);
    }
    lpm_seal(l);
    return l;
}

static void the_ends_of_the_address_space_work(void **state)
{
    (void)state;
    static const char *const all[] = {
        "0.0.0.0/0",  "::/0",  "255.255.255.255/32", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "0.0.0.0/32", "::/128"};
    struct lpm *l = table(all, 6);
    assert_int_equal(ask(l, "1.2.3.4"), 0);
    assert_int_equal(ask(l, "2001:db8::1"), 1);
    assert_int_equal(ask(l, "255.255.255.255"), 2);
    assert_int_equal(ask(l, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 3);
    assert_int_equal(ask(l, "0.0.0.0"), 4);
    assert_int_equal(ask(l, "::"), 5);
    assert_int_equal(ask(l, "::fffe:ffff:ffff"), 1);
    assert_int_equal(ask(l, "::1:0:0:0"), 1);
    assert_int_equal(lpm_count(l), 6);
    lpm_free(l);

    static const char *const v6_only[] = {"::/0"};
    l = table(v6_only, 1); /* lengths count in the 128-bit form: ::/0 holds IPv4 too */
    assert_int_equal(ask(l, "1.2.3.4"), 0);
    lpm_free(l);

    l = table(NULL, 0);
    assert_int_equal(ask(l, "1.2.3.4"), LPM_NONE);
    assert_int_equal(ask(l, "::1"), LPM_NONE);
    lpm_free(l);
}

static void small_tables_are_small(void **state)
{
    (void)state;
    static const char *const dprk[] = {"175.45.176.0/22", "210.52.109.0/24", "77.94.35.0/24"};
    struct lpm *l = table(dprk, 3);
    assert_int_equal(ask(l, "175.45.179.255"), 0);
    assert_int_equal(ask(l, "175.45.180.0"), LPM_NONE);
    assert_int_equal(ask(l, "77.94.35.9"), 2);
    assert_true(lpm_memory_octets(l) < 2048);
    lpm_free(l);
}

/* A table like today's routing table in size; prints look-ups a second, does not judge them. */
static void a_million_prefixes(void **state)
{
    (void)state;
    enum { PREFIXES = 1000000, ASKED = 1 << 16, ROUNDS = 60 };
    struct random r;
    random_init(&r, 7);
    struct lpm *l = lpm_new();
    for (uint32_t i = 0; i < PREFIXES; i++) {
        struct prefix p;
        uint32_t v = (uint32_t)random_u64(&r) & 0xdfffffffu;
        unsigned bits = 16 + (unsigned)random_below(&r, 9);
        v &= ~(0xffffffffu >> bits);
        uint8_t octets[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        p.ip = ip_from_v4(octets);
        p.len_bits = (uint8_t)(96 + bits);
        if (i % 5 == 0) { /* IPv6: allocations of the five registries, /32 to /48 */
            static const uint16_t tops[] = {0x2001, 0x2400, 0x2600, 0x2804, 0x2a02};
            memset(&p.ip, 0, sizeof p.ip);
            p.ip.octet[0] = (uint8_t)(tops[i / 5 % 5] >> 8);
            p.ip.octet[1] = (uint8_t)tops[i / 5 % 5];
            for (size_t o = 2; o < 6; o++)
                p.ip.octet[o] = (uint8_t)random_u64(&r);
            p.len_bits = 48;
        }
        lpm_add(l, &p, i);
    }
    lpm_seal(l);
    struct ip *ips = test_malloc(ASKED * sizeof *ips);
    uint32_t *values = test_malloc(ASKED * sizeof *values);
    for (size_t i = 0; i < ASKED; i++) {
        ips[i] = random_ip(&r, true);
        for (size_t o = 12; o < 16; o++)
            ips[i].octet[o] = (uint8_t)random_u64(&r);
    }
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int round = 0; round < ROUNDS; round++)
        lpm_lookup_many(l, ips, ASKED, values);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    print_message("# %.0f M look-ups/s, %zu prefixes, %.1f MB\n", ROUNDS * ASKED / s / 1e6,
                  lpm_count(l), (double)lpm_memory_octets(l) / 1e6);
    for (size_t i = 0; i < ASKED; i++)
        assert_int_equal(values[i], lpm_lookup(l, &ips[i]));
    test_free(ips);
    test_free(values);
    lpm_free(l);
}

static bool block_meets(const struct prefix *p, uint32_t block)
{
    struct prefix whole = {.len_bits = 96 + 16};
    uint8_t octets[4] = {(uint8_t)(block >> 8), (uint8_t)block, 0, 0};
    whole.ip = ip_from_v4(octets);
    return prefix_contains(p, &whole.ip) || prefix_contains(&whole, &p->ip);
}

static void marked_blocks_hold_prefixes(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 3);
    for (int round = 0; round < 30; round++) {
        struct prefix prefixes[20];
        uint64_t map[LPM_MARK_WORDS] = {0};
        struct lpm *l = lpm_new();
        size_t count = random_below(&r, 20);
        for (size_t i = 0; i < count; i++) {
            prefixes[i] = random_prefix(&r);
            lpm_add(l, &prefixes[i], (uint32_t)i);
        }
        lpm_seal(l);
        lpm_mark_v4(l, map);
        for (uint32_t block = 0; block < 65536; block++) {
            bool meets = false;
            for (size_t i = 0; i < count; i++)
                meets |= block_meets(&prefixes[i], block);
            assert_int_equal(map[block / 64] >> (block % 64) & 1, meets);
        }
        lpm_free(l);
    }
}

/* Numbers of three tables as one number, and none where all are none. */
static uint32_t three_as_one(void *calls, const uint32_t *values)
{
    uint32_t sum = 0;
    ++*(size_t *)calls;
    for (int k = 0; k < 3; k++)
        sum = sum * 1000 + (values[k] == LPM_NONE ? 999 : values[k] % 999);
    return sum == 999999999 ? LPM_NONE : sum;
}

static void test_combined(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 12);
    for (int round = 0; round < 20; round++) {
        struct lpm *tables[3];
        size_t calls = 0;
        for (int k = 0; k < 3; k++) {
            tables[k] = lpm_new();
            for (size_t i = random_below(&r, 200); i > 0; i--) {
                struct prefix p = random_prefix(&r);
                lpm_add(tables[k], &p, (uint32_t)random_below(&r, 900));
            }
            lpm_seal(tables[k]);
        }
        struct lpm *one = lpm_combine((const struct lpm *const *)tables, 3, three_as_one, &calls);
        assert_true(calls > 0);
        for (int i = 0; i < 3000; i++) {
            struct ip ip = random_ip(&r, random_below(&r, 2));
            uint32_t values[3], got;
            for (int k = 0; k < 3; k++)
                values[k] = lpm_lookup(tables[k], &ip);
            assert_int_equal(lpm_lookup(one, &ip), three_as_one(&calls, values));
            lpm_lookup_many(one, &ip, 1, &got);
            assert_int_equal(got, lpm_lookup(one, &ip));
        }
        for (int k = 0; k < 3; k++)
            lpm_free(tables[k]);
        lpm_free(one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_as_a_plain_list_does),
        cmocka_unit_test(the_ends_of_the_address_space_work),
        cmocka_unit_test(small_tables_are_small),
        cmocka_unit_test(a_million_prefixes),
        cmocka_unit_test(marked_blocks_hold_prefixes),
        cmocka_unit_test(test_combined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
