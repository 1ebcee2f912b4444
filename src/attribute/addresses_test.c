/* SPDX-License-Identifier: Apache-2.0 */
/* The tables made one answer for every address as the tables one by one do. Skipped where there is
 * no database of networks. */
#include "attribute/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"

enum { MANY = 512, ROUNDS = 60, ENOUGH = 310000 };

static struct ip anywhere(struct random *r)
{
    struct ip ip;
    uint64_t half[2] = {random_u64(r), random_u64(r)};
    memcpy(ip.octet, half, sizeof half);
    if (random_below(r, 4))
        return ip_from_v4((const uint8_t *)half);
    ip.octet[0] = (uint8_t)(random_below(r, 2) ? 0x20 : 0x2a);
    ip.octet[1] &= 0x0f;
    return ip;
}

/* An address in, or next to, a prefix that the catalogue knows. */
static struct ip near_prefix(struct random *r, const struct catalogue *c)
{
    size_t count, owners;
    const struct fact *facts = catalogue_facts(c, &count);
    const struct fact *of_owners = catalogue_owner_facts(c, &owners);
    for (;;) {
        size_t i = random_below(r, count + owners);
        const struct fact *f = i < count ? &facts[i] : &of_owners[i - count];
        if (f->kind != FACT_PREFIX)
            continue;
        struct ip ip = f->prefix.ip;
        int borrow = (int)random_below(r, 3) - 1; /* the octet before the end of the prefix */
        unsigned at = f->prefix.len_bits ? (f->prefix.len_bits - 1) / 8u : 0;
        ip.octet[at] = (uint8_t)(ip.octet[at] + borrow);
        for (unsigned j = at + 1; j < IP_OCTETS; j++)
            ip.octet[j] = (uint8_t)random_u64(r);
        return ip;
    }
}

static struct attribution *open_attribution(struct symbols *symbols)
{
    static const struct study STUDY = {0};
    struct attribution *a = NULL;
    struct error err = {0};
    if (access("/var/lib/location/database.db", R_OK) != 0 && !getenv("TELLTALE_LIBLOC"))
        skip();
    if (attribution_open(&STUDY, symbols, &a, &err) != 0)
        fail_msg("%s", err.text);
    return a;
}

static void assert_same(const struct address *a, const struct address *b)
{
    assert_true(ip_equal(&a->ip, &b->ip));
    assert_int_equal(a->place.asn, b->place.asn);
    assert_int_equal(a->place.country, b->place.country);
    assert_int_equal(a->place.flags, b->place.flags);
    assert_int_equal(a->prefix_own, b->prefix_own);
    assert_int_equal(a->prefix_built_in, b->prefix_built_in);
    assert_int_equal(a->asn_group, b->asn_group);
    assert_int_equal(a->owner, b->owner);
}

static void test_one_table_is_all_tables(void **state)
{
    (void)state;
    struct symbols *symbols = symbols_new(65535);
    struct attribution *plain = open_attribution(symbols), *made = open_attribution(symbols);
    struct ip ips[MANY];
    struct address one[MANY], other[MANY];
    struct random r;
    random_init(&r, 6);
    for (size_t done = 0; done < ENOUGH; done += MANY) {
        for (size_t i = 0; i < MANY; i++)
            ips[i] = anywhere(&r);
        addresses_find(made, ips, MANY, one);
    }
    assert_null(plain->classes);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < MANY; i++)
            ips[i] = i % 2 ? anywhere(&r) : near_prefix(&r, plain->catalogue);
        addresses_find(plain, ips, MANY, one);
        addresses_find(made, ips, MANY, other);
        for (size_t i = 0; i < MANY; i++)
            assert_same(&one[i], &other[i]);
    }
    assert_non_null(made->classes);
    assert_true(made->class_count > 1000);
    attribution_free(plain);
    attribution_free(made);
    symbols_free(symbols);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_table_is_all_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
