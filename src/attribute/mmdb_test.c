/* SPDX-License-Identifier: Apache-2.0 */
/* Geography from MMDB files, which are written here (MaxMind DB file format 2.0) with networks made
 * at random, and compared with a plain list of the same networks. */
#include "attribute/geo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "schema/values.h"

enum {
    NETWORKS = 400,
    NODES_MAX = 1 << 16,
    OCTETS_MAX = 1 << 20,
    EMPTY = -1,
    BUILT_S = 1600000000
};

struct network {
    struct prefix prefix;
    char country[3];
    uint32_t asn;
};

/* --- the writer --- */

struct node {
    int32_t child[2]; /* EMPTY, a node, or -2 - network */
};

struct writer {
    struct node nodes[NODES_MAX];
    int32_t node_count;
    uint8_t out[OCTETS_MAX];
    size_t len;
};

static void put(struct writer *w, const void *octets, size_t len)
{
    assert_true(w->len + len <= sizeof w->out);
    memcpy(w->out + w->len, octets, len);
    w->len += len;
}

static void put_octet(struct writer *w, unsigned octet)
{
    put(w, &(uint8_t){(uint8_t)octet}, 1);
}

static void put_text(struct writer *w, const char *text)
{
    size_t len = strlen(text);
    put_octet(w, 0x40 | (len < 29 ? (unsigned)len : 29));
    if (len >= 29)
        put_octet(w, (unsigned)len - 29);
    put(w, text, len);
}

static void put_map(struct writer *w, unsigned pairs)
{
    put_octet(w, 0xe0 | pairs);
}

static void put_number(struct writer *w, unsigned type, uint64_t value)
{
    unsigned len = type == 5 ? 2 : type == 6 ? 4 : 8; /* uint16, uint32, uint64 */
    put_octet(w, type > 7 ? len : type << 5 | len);
    if (type > 7)
        put_octet(w, type - 7);
    for (unsigned i = len; i-- > 0;)
        put_octet(w, (unsigned)(value >> 8 * i));
}

static int bit_of(const struct ip *ip, unsigned bit)
{
    return ip->octet[bit / 8] >> (7 - bit % 8) & 1;
}

static int32_t node_new(struct writer *w, int32_t both)
{
    assert_true(w->node_count < NODES_MAX);
    w->nodes[w->node_count] = (struct node){{both, both}};
    return w->node_count++;
}

/* IPv4 networks are written below ::/96, as the format has them. Shorter prefixes come first. */
static void insert(struct writer *w, const struct prefix *p, int32_t number)
{
    struct ip ip = p->ip;
    if (ip_is_v4(&ip))
        memset(ip.octet, 0, 12);
    int32_t at = 0;
    for (unsigned bit = 0; bit + 1 < p->len_bits; bit++) {
        int32_t *child = &w->nodes[at].child[bit_of(&ip, bit)];
        if (*child < 0) {
            int32_t made = node_new(w, *child);
            w->nodes[at].child[bit_of(&ip, bit)] = made;
            at = made;
        } else {
            at = *child;
        }
    }
    int32_t *child = &w->nodes[at].child[bit_of(&ip, p->len_bits - 1u)];
    if (*child < 0)
        *child = -2 - number;
}

static void put_network(struct writer *w, const struct network *n, bool asn)
{
    char name[40];
    if (asn) {
        snprintf(name, sizeof name, "Network number %u of this test", n->asn);
        put_map(w, 2);
        put_text(w, "autonomous_system_number");
        put_number(w, 6, n->asn);
        put_text(w, "autonomous_system_organization");
        put_text(w, name);
        return;
    }
    put_map(w, 1);
    put_text(w, "country");
    put_map(w, 1);
    put_text(w, "iso_code");
    put_text(w, n->country);
}

static void put_metadata(struct writer *w, const char *type)
{
    put(w, "\xab\xcd\xefMaxMind.com", 14);
    put_map(w, 9);
    put_text(w, "node_count");
    put_number(w, 6, (uint64_t)w->node_count);
    put_text(w, "record_size");
    put_number(w, 5, 24);
    put_text(w, "ip_version");
    put_number(w, 5, 6);
    put_text(w, "database_type");
    put_text(w, type);
    put_text(w, "languages");
    put_octet(w, 0), put_octet(w, 4); /* an empty array */
    put_text(w, "description");
    put_map(w, 0);
    put_text(w, "binary_format_major_version");
    put_number(w, 5, 2);
    put_text(w, "binary_format_minor_version");
    put_number(w, 5, 0);
    put_text(w, "build_epoch");
    put_number(w, 9, BUILT_S);
}

static void put_record(struct writer *w, int32_t child, const size_t *offsets)
{
    uint32_t value = child >= 0 ? (uint32_t)child
                     : child == EMPTY
                         ? (uint32_t)w->node_count
                         : (uint32_t)w->node_count + 16 + (uint32_t)offsets[-2 - child];
    for (int shift = 16; shift >= 0; shift -= 8)
        put_octet(w, value >> shift);
}

static void write_file(const char *path, const struct network *networks, size_t count, bool asn)
{
    static struct writer w, data;
    size_t offsets[NETWORKS];
    memset(&w, 0, sizeof w);
    data.len = 0;
    node_new(&w, EMPTY);
    for (size_t i = 0; i < count; i++) {
        insert(&w, &networks[i].prefix, (int32_t)i);
        offsets[i] = data.len;
        put_network(&data, &networks[i], asn);
    }
    for (int32_t i = 0; i < w.node_count; i++)
        for (int bit = 0; bit < 2; bit++)
            put_record(&w, w.nodes[i].child[bit], offsets);
    put(&w, (const uint8_t[16]){0}, 16);
    put(&w, data.out, data.len);
    put_metadata(&w, asn ? "Test-ASN" : "Test-Country");
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(w.out, 1, w.len, f), w.len);
    assert_int_equal(fclose(f), 0);
}

/* --- networks --- */

static int by_len(const void *left, const void *right)
{
    const struct network *a = left, *b = right;
    return (int)a->prefix.len_bits - (int)b->prefix.len_bits;
}

static struct ip random_ip(struct random *r)
{
    struct ip ip;
    uint64_t half[2] = {random_u64(r), random_u64(r)};
    memcpy(ip.octet, half, sizeof half);
    if (random_below(r, 3)) { /* few first octets, so that networks nest */
        uint8_t v4[4] = {(uint8_t)(20 + random_below(r, 4)), ip.octet[1], ip.octet[2], ip.octet[3]};
        return ip_from_v4(v4);
    }
    ip.octet[0] = 0x20, ip.octet[1] = 0x01;
    ip.octet[2] = (uint8_t)random_below(r, 4);
    return ip;
}

/* Each prefix once, shorter ones first. */
static size_t random_networks(struct random *r, struct network networks[NETWORKS])
{
    size_t count = 0;
    while (count < NETWORKS) {
        struct network *n = &networks[count];
        n->prefix.ip = random_ip(r);
        n->prefix.len_bits = (uint8_t)(ip_is_v4(&n->prefix.ip) ? 96 + 8 + random_below(r, 25)
                                                               : 24 + random_below(r, 60));
        for (unsigned bit = n->prefix.len_bits; bit < 128; bit++)
            n->prefix.ip.octet[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
        n->country[0] = (char)('A' + random_below(r, 26));
        n->country[1] = (char)('A' + random_below(r, 26));
        n->country[2] = 0;
        n->asn = 1 + (uint32_t)random_below(r, 400000);
        bool there = false;
        for (size_t i = 0; i < count && !there; i++)
            there = networks[i].prefix.len_bits == n->prefix.len_bits &&
                    ip_equal(&networks[i].prefix.ip, &n->prefix.ip);
        count += !there;
    }
    qsort(networks, count, sizeof *networks, by_len);
    return count;
}

/* The plain list: they are sorted by length, so the last that fits is the longest. */
static const struct network *list_find(const struct network *networks, size_t count,
                                       const struct ip *ip)
{
    const struct network *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (prefix_contains(&networks[i].prefix, ip))
            found = &networks[i];
    return found;
}

static struct {
    char folder[64], country[96], asn[96];
    struct network networks[NETWORKS];
    size_t count;
} made;

static int make(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 21);
    strcpy(made.folder, "/tmp/telltale-mmdb-XXXXXX");
    if (!mkdtemp(made.folder))
        return -1;
    snprintf(made.country, sizeof made.country, "%s/country.mmdb", made.folder);
    snprintf(made.asn, sizeof made.asn, "%s/asn.mmdb", made.folder);
    made.count = random_networks(&r, made.networks);
    write_file(made.country, made.networks, made.count, false);
    write_file(made.asn, made.networks, made.count, true);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    unlink(made.country);
    unlink(made.asn);
    return rmdir(made.folder);
}

static struct geo *open_geo(const char *country, const char *asn)
{
    struct geo *g = NULL;
    struct error err = {0};
    if (geo_open(country, asn, &g, &err) != 0)
        fail_msg("%s", err.text);
    return g;
}

static void assert_place(struct geo *g, const struct ip *ip)
{
    const struct network *wanted = list_find(made.networks, made.count, ip);
    struct place place = geo_find(g, ip), many;
    assert_int_equal(place.asn, wanted ? wanted->asn : 0);
    assert_int_equal(place.country, wanted ? country_code(wanted->country) : 0);
    geo_find_many(g, ip, 1, &many);
    assert_int_equal(many.asn, place.asn);
    assert_int_equal(many.country, place.country);
    if (!wanted)
        return;
    char name[128], expected[64];
    snprintf(expected, sizeof expected, "Network number %u of this test", wanted->asn);
    geo_as_name(g, place.asn, ip, name, sizeof name);
    assert_string_equal(name, expected);
}

static void test_against_a_plain_list(void **state)
{
    (void)state;
    struct geo *g = open_geo(made.country, made.asn);
    struct random r;
    random_init(&r, 22);
    for (int i = 0; i < 20000; i++) {
        struct ip ip = random_ip(&r);
        assert_place(g, &ip);
    }
    for (size_t i = 0; i < made.count; i++) { /* the first and last address of each network */
        struct ip first = made.networks[i].prefix.ip, last = first;
        for (unsigned bit = made.networks[i].prefix.len_bits; bit < 128; bit++)
            last.octet[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
        assert_place(g, &first);
        assert_place(g, &last);
    }
    geo_compile(g); /* nothing to compile: they are asked by address */
    struct ip ip = made.networks[0].prefix.ip;
    assert_place(g, &ip);
    assert_string_equal(geo_source(g), "Test-Country and Test-ASN");
    assert_int_equal(geo_made_s(g), BUILT_S);
    geo_free(g);
}

/* What one file does not give comes from libloc. */
static void test_one_file_beside_libloc(void **state)
{
    (void)state;
    if (access("/var/lib/location/database.db", R_OK) != 0 && !getenv("TELLTALE_LIBLOC"))
        skip();
    struct geo *g = open_geo(made.country, NULL), *plain = open_geo(NULL, NULL);
    struct random r;
    unsigned found = 0;
    random_init(&r, 23);
    for (int i = 0; i < 3000; i++) {
        struct ip ip = random_ip(&r);
        const struct network *wanted = list_find(made.networks, made.count, &ip);
        struct place place = geo_find(g, &ip);
        assert_int_equal(place.country, wanted ? country_code(wanted->country) : 0);
        assert_int_equal(place.asn, geo_find(plain, &ip).asn);
        found += place.asn != 0;
    }
    assert_true(found > 0);
    assert_non_null(strstr(geo_source(g), "Test-Country"));
    geo_free(g);
    geo_free(plain);
}

/* A file cut anywhere is refused, or answers without reading past its end. */
static void test_cut_files(void **state)
{
    (void)state;
    static uint8_t octets[OCTETS_MAX];
    char path[128];
    FILE *f = fopen(made.country, "rb");
    size_t len = f ? fread(octets, 1, sizeof octets, f) : 0;
    assert_true(len > 1000);
    fclose(f);
    snprintf(path, sizeof path, "%s/cut.mmdb", made.folder);
    for (size_t cut = 0; cut < len; cut += len / 37) {
        struct geo *g = NULL;
        struct error err = {0};
        f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(octets, 1, cut, f), cut);
        fclose(f);
        assert_int_not_equal(geo_open(path, made.asn, &g, &err), 0);
        assert_non_null(strstr(err.text, path));
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_plain_list),
        cmocka_unit_test(test_one_file_beside_libloc),
        cmocka_unit_test(test_cut_files),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
