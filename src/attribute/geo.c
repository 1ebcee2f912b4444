/* SPDX-License-Identifier: Apache-2.0 */
/* libloc's own look-up takes 0.84 us and opening an enumerator over its 1.3 million networks 1.3 s
 * (measured); so the database is mapped and its tree walked here, in the layout that libloc's
 * header <libloc/format.h> gives: 0.1 to 0.2 us, nothing to build at the start, no memory of our
 * own. libloc still opens the file, checks it and gives dates and names.
 *
 * One difference: libloc answers with the most specific network alone. Where that one lacks the
 * AS (a registry's entry inside an announced block) or the country, the enclosing network's stands.
 */
#include "attribute/geo.h"

#define LIBLOC_PRIVATE
#include <libloc/format.h>
#undef LIBLOC_PRIVATE
#include <libloc/database.h>
#include <libloc/libloc.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/lpm.h"
#include "base/memory.h"
#include "schema/values.h"

enum { MANY = 512 };

static const char DATABASE_PATH[] = "/var/lib/location/database.db";

struct geo {
    struct loc_ctx *ctx;
    struct loc_database *db;
    void *map;
    size_t map_octets;
    const struct loc_database_network_node_v1 *nodes;
    const struct loc_database_network_v1 *networks;
    size_t node_count, network_count;
    uint32_t v4_node; /* where the walk of an IPv4 address begins: at ::ffff:0:0/96 */
    struct place v4_place;
    MMDB_s country, asn;
    bool has_country, has_asn;
    char source[128];
    int64_t made_s;
    struct lpm *lpm; /* compiled: address to index in places */
    struct place *places;
    size_t place_count, place_room;
    uint32_t *place_slots; /* index + 1 by hash */
    size_t place_mask;
};

/* --- libloc's database --- */

static bool node_place(const struct geo *g, uint32_t index, uint8_t depth, struct place *into)
{
    uint32_t network = be32toh(g->nodes[index].network);
    if (network >= g->network_count) /* 0xffffffff: no network here */
        return false;
    const struct loc_database_network_v1 *n = &g->networks[network];
    uint32_t asn = be32toh(n->asn);
    if (asn)
        into->asn = asn;
    if (n->country_code[0])
        into->country = country_code(n->country_code);
    into->flags = (uint8_t)be16toh(n->flags);
    into->prefix_len_bits = depth;
    return true;
}

/* Follows `ip` from node `index` at bit `depth` to the end; the deepest node reached is returned
 * through `ret_depth`. A child of 0 is none: the root is nobody's child. */
static uint32_t walk(const struct geo *g, const struct ip *ip, uint32_t index, unsigned depth,
                     unsigned end, struct place *place, unsigned *ret_depth)
{
    node_place(g, index, (uint8_t)depth, place);
    for (; depth < end; depth++) {
        unsigned bit = ip->octet[depth / 8] >> (7 - depth % 8) & 1;
        uint32_t child = be32toh(bit ? g->nodes[index].one : g->nodes[index].zero);
        if (child == 0 || child >= g->node_count)
            break;
        index = child;
        node_place(g, index, (uint8_t)(depth + 1), place);
    }
    *ret_depth = depth;
    return index;
}

static struct place libloc_find(const struct geo *g, const struct ip *ip)
{
    unsigned depth;
    struct place place = {0};
    if (!ip_is_v4(ip)) {
        walk(g, ip, 0, 0, 128, &place, &depth);
    } else if (g->v4_node) {
        place = g->v4_place;
        walk(g, ip, g->v4_node, 96, 128, &place, &depth);
    }
    return place;
}

static bool part_in(const struct geo *g, uint32_t offset, uint32_t len)
{
    return (uint64_t)offset + len <= g->map_octets;
}

static int libloc_map(struct geo *g, const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = error_errno(err, "open %s", path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    g->map_octets = (size_t)st.st_size;
    g->map = mmap(NULL, g->map_octets, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (g->map == MAP_FAILED) {
        g->map = NULL;
        return error_errno(err, "map %s", path);
    }
    const struct loc_database_magic *magic = g->map;
    const struct loc_database_header_v1 *h = (const void *)(magic + 1);
    if (g->map_octets < sizeof *magic + sizeof *h || magic->version != LOC_DATABASE_VERSION_1)
        return error_set(err, ERROR_FAILED, "%s: a version of libloc's database that is not known",
                         path);
    uint32_t tree = be32toh(h->network_tree_offset), tree_len = be32toh(h->network_tree_length);
    uint32_t data = be32toh(h->network_data_offset), data_len = be32toh(h->network_data_length);
    if (!part_in(g, tree, tree_len) || !part_in(g, data, data_len) || tree_len < sizeof *g->nodes)
        return error_set(err, ERROR_FAILED, "%s: damaged: a part lies outside the file", path);
    g->nodes = (const void *)((const char *)g->map + tree);
    g->networks = (const void *)((const char *)g->map + data);
    g->node_count = tree_len / sizeof *g->nodes;
    g->network_count = data_len / sizeof *g->networks;
    return 0;
}

static void libloc_quiet(struct loc_ctx *ctx, int priority, const char *file, int line,
                         const char *function, const char *format, va_list args)
{
    (void)ctx, (void)priority, (void)file, (void)line, (void)function, (void)format, (void)args;
}

static int libloc_open(struct geo *g, struct error *err)
{
    const char *path = getenv("TELLTALE_LIBLOC");
    if (!path || !*path)
        path = DATABASE_PATH;
    FILE *f = fopen(path, "re");
    if (!f)
        return error_set(err, ERROR_FAILED,
                         "open %s: %s (Debian package libloc-database, or name an MMDB in the "
                         "study: geo)",
                         path, strerror(errno));
    int rc = 0;
    if (loc_new(&g->ctx) != 0)
        rc = error_set(err, ERROR_FAILED, "libloc does not start");
    else {
        loc_set_log_fn(g->ctx, libloc_quiet);
        if (loc_database_new(g->ctx, &g->db, f) != 0)
            rc = error_set(err, ERROR_FAILED, "%s: not a database of libloc", path);
    }
    fclose(f);
    if (rc || (rc = libloc_map(g, path, err)))
        return rc;
    struct ip v4 = ip_from_v4((const uint8_t[4]){0});
    unsigned depth;
    uint32_t node = walk(g, &v4, 0, 0, 96, &g->v4_place, &depth);
    g->v4_node = depth == 96 ? node : 0;
    g->made_s = (int64_t)loc_database_created_at(g->db);
    const char *vendor = loc_database_get_vendor(g->db);
    snprintf(g->source, sizeof g->source, "libloc, %s", vendor ? vendor : "unnamed");
    return 0;
}

/* --- MMDB --- */

static int mmdb_open(struct geo *g, const char *path, MMDB_s *db, bool *has, struct error *err)
{
    if (!path)
        return 0;
    int status = MMDB_open(path, MMDB_MODE_MMAP, db);
    if (status != MMDB_SUCCESS)
        return error_set(err, ERROR_FAILED, "open %s: %s", path, MMDB_strerror(status));
    *has = true;
    size_t len = strlen(g->source);
    snprintf(g->source + len, sizeof g->source - len, "%s%s", len ? " and " : "",
             db->metadata.database_type ? db->metadata.database_type : path);
    if ((int64_t)db->metadata.build_epoch > g->made_s)
        g->made_s = (int64_t)db->metadata.build_epoch;
    return 0;
}

static bool mmdb_find(const MMDB_s *db, const struct ip *ip, MMDB_lookup_result_s *ret)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const struct sockaddr *address = (const struct sockaddr *)&v6;
    if (ip_is_v4(ip)) {
        memcpy(&v4.sin_addr, ip->octet + 12, 4);
        address = (const struct sockaddr *)&v4;
    } else {
        memcpy(&v6.sin6_addr, ip->octet, 16);
    }
    int error;
    *ret = MMDB_lookup_sockaddr(db, address, &error);
    return error == MMDB_SUCCESS && ret->found_entry;
}

static bool mmdb_value(MMDB_lookup_result_s *found, MMDB_entry_data_s *ret, uint32_t type,
                       const char *const *path)
{
    return MMDB_aget_value(&found->entry, ret, path) == MMDB_SUCCESS && ret->has_data &&
           ret->type == type;
}

static const char *const COUNTRY_PATH[] = {"country", "iso_code", NULL};
static const char *const REGISTERED_PATH[] = {"registered_country", "iso_code", NULL};
static const char *const COUNTRY_FLAT_PATH[] = {"country_code", NULL};
static const char *const ASN_PATH[] = {"autonomous_system_number", NULL};
static const char *const AS_NAME_PATH[] = {"autonomous_system_organization", NULL};

static uint8_t mmdb_bits(const MMDB_s *db, const MMDB_lookup_result_s *found, const struct ip *ip)
{
    unsigned bits = found->netmask;
    if (ip_is_v4(ip))
        bits += db->metadata.ip_version == 6 && bits > 32 ? 0 : 96;
    return (uint8_t)(bits > 128 ? 128 : bits);
}

static struct place mmdb_place(const struct geo *g, const struct ip *ip)
{
    struct place place = {0};
    MMDB_lookup_result_s found;
    MMDB_entry_data_s value;
    if (g->has_country && mmdb_find(&g->country, ip, &found)) {
        if ((mmdb_value(&found, &value, MMDB_DATA_TYPE_UTF8_STRING, COUNTRY_PATH) ||
             mmdb_value(&found, &value, MMDB_DATA_TYPE_UTF8_STRING, COUNTRY_FLAT_PATH) ||
             mmdb_value(&found, &value, MMDB_DATA_TYPE_UTF8_STRING, REGISTERED_PATH)) &&
            value.data_size == 2)
            place.country = country_code(value.utf8_string);
        place.prefix_len_bits = mmdb_bits(&g->country, &found, ip);
    }
    if (g->has_asn && mmdb_find(&g->asn, ip, &found)) {
        if (mmdb_value(&found, &value, MMDB_DATA_TYPE_UINT32, ASN_PATH))
            place.asn = value.uint32;
        place.prefix_len_bits = mmdb_bits(&g->asn, &found, ip);
    }
    return place;
}

/* --- compiled --- */

static bool place_equal(const struct place *a, const struct place *b)
{
    return a->asn == b->asn && a->country == b->country && a->flags == b->flags;
}

static uint32_t *place_slot(const struct geo *g, const struct place *p)
{
    uint64_t h = hash_mix(p->asn, (uint64_t)p->country << 8 | p->flags);
    for (size_t i = h & g->place_mask;; i = (i + 1) & g->place_mask)
        if (!g->place_slots[i] || place_equal(&g->places[g->place_slots[i] - 1], p))
            return &g->place_slots[i];
}

/* The place's number: places are far fewer than networks. */
static uint32_t place_number(struct geo *g, struct place p)
{
    if (g->place_count * 2 >= g->place_mask) {
        g->place_mask = g->place_mask * 2 + 1;
        free(g->place_slots);
        g->place_slots = memory_array(g->place_mask + 1, sizeof *g->place_slots);
        for (size_t i = 0; i < g->place_count; i++)
            *place_slot(g, &g->places[i]) = (uint32_t)i + 1;
    }
    uint32_t *slot = place_slot(g, &p);
    if (!*slot) {
        if (g->place_count == g->place_room) {
            g->place_room = g->place_room ? g->place_room * 2 : 4096;
            g->places = memory_resize(g->places, g->place_room, sizeof *g->places);
        }
        p.prefix_len_bits = 0;
        g->places[g->place_count++] = p;
        *slot = (uint32_t)g->place_count;
    }
    return *slot - 1;
}

/* Depth first; as deep as an address is long. */
static void compile_below(struct geo *g, uint32_t node, struct prefix at, struct place place)
{
    if (node_place(g, node, at.len_bits, &place))
        lpm_add(g->lpm, &at, place_number(g, place));
    if (at.len_bits == 128)
        return;
    for (unsigned bit = 0; bit < 2; bit++) {
        uint32_t child = be32toh(bit ? g->nodes[node].one : g->nodes[node].zero);
        if (child == 0 || child >= g->node_count)
            continue;
        struct prefix below = at;
        if (bit)
            below.ip.octet[at.len_bits / 8] |= (uint8_t)(0x80u >> at.len_bits % 8);
        below.len_bits++;
        compile_below(g, child, below, place);
    }
}

void geo_compile(struct geo *g)
{
    if (g->lpm || !g->nodes || g->has_country || g->has_asn)
        return; /* done, or an MMDB that is asked by address */
    g->place_mask = (1 << 16) - 1;
    g->place_slots = memory_array(g->place_mask + 1, sizeof *g->place_slots);
    g->lpm = lpm_new();
    compile_below(g, 0, (struct prefix){.len_bits = 0}, (struct place){0});
    lpm_seal(g->lpm);
}

const struct lpm *geo_compiled(const struct geo *g, const struct place **places)
{
    *places = g->places;
    return g->lpm;
}

void geo_forget_compiled(struct geo *g)
{
    lpm_free(g->lpm);
    free(g->places);
    free(g->place_slots);
    g->lpm = NULL;
    g->places = NULL;
    g->place_slots = NULL;
    g->place_count = g->place_room = g->place_mask = 0;
}

void geo_find_many(const struct geo *g, const struct ip *ips, size_t count, struct place *ret)
{
    uint32_t numbers[MANY];
    if (g->lpm)
        lpm_lookup_many(g->lpm, ips, count, numbers);
    for (size_t i = 0; i < count; i++) {
        if (!g->lpm)
            ret[i] = geo_find(g, &ips[i]);
        else
            ret[i] = numbers[i] == LPM_NONE ? (struct place){0} : g->places[numbers[i]];
    }
}

/* --- both --- */

int geo_open(const char *country_mmdb, const char *asn_mmdb, struct geo **ret, struct error *err)
{
    struct geo *g = memory_alloc(sizeof *g);
    int rc = 0;
    if (!country_mmdb || !asn_mmdb) /* what no MMDB gives comes from libloc */
        rc = libloc_open(g, err);
    if (rc == 0 && (rc = mmdb_open(g, country_mmdb, &g->country, &g->has_country, err)) == 0)
        rc = mmdb_open(g, asn_mmdb, &g->asn, &g->has_asn, err);
    if (rc)
        geo_free(g);
    else
        *ret = g;
    return rc;
}

void geo_free(struct geo *g)
{
    if (!g)
        return;
    if (g->has_country)
        MMDB_close(&g->country);
    if (g->has_asn)
        MMDB_close(&g->asn);
    lpm_free(g->lpm);
    free(g->places);
    free(g->place_slots);
    if (g->map)
        munmap(g->map, g->map_octets);
    if (g->db)
        loc_database_unref(g->db);
    if (g->ctx)
        loc_unref(g->ctx);
    free(g);
}

struct place geo_find(const struct geo *g, const struct ip *ip)
{
    struct place place = g->nodes ? libloc_find(g, ip) : (struct place){0};
    if (g->has_country || g->has_asn) {
        struct place other = mmdb_place(g, ip);
        if (g->has_country)
            place.country = other.country;
        if (g->has_asn)
            place.asn = other.asn;
        if (other.prefix_len_bits)
            place.prefix_len_bits = other.prefix_len_bits;
    }
    return place;
}

static void mmdb_as_name(const struct geo *g, const struct ip *ip, char *text, size_t size)
{
    MMDB_lookup_result_s found;
    MMDB_entry_data_s value;
    if (mmdb_find(&g->asn, ip, &found) &&
        mmdb_value(&found, &value, MMDB_DATA_TYPE_UTF8_STRING, AS_NAME_PATH))
        snprintf(text, size, "%.*s", (int)value.data_size, value.utf8_string);
}

void geo_as_name(struct geo *g, uint32_t asn, const struct ip *ip, char *text, size_t size)
{
    struct loc_as *as = NULL;
    text[0] = 0;
    if (g->has_asn)
        mmdb_as_name(g, ip, text, size);
    if (text[0] || !g->db || asn == 0 || loc_database_get_as(g->db, &as, asn) != 0 || !as)
        return;
    const char *name = loc_as_get_name(as);
    snprintf(text, size, "%s", name ? name : "");
    loc_as_unref(as);
}

const char *geo_source(const struct geo *g)
{
    return g->source;
}

int64_t geo_made_s(const struct geo *g)
{
    return g->made_s;
}
