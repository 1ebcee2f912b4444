/* SPDX-License-Identifier: Apache-2.0 */
/* One hash table for all suffixes. The name is hashed from its end, an octet at a time, and the
 * table is asked at each dot and at the start: a host name has three or four labels, so three or
 * four probes into a table that fits the second-level cache. A bit per hash in a small filter
 * answers most of the probes that miss. The same hash, so built, serves brands: the label is
 * hashed from its end too. */
#include "attribute/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "attribute/affixes.h"
#include "base/memory.h"

enum {
    FILTER_BITS = 1 << 17,
    TECHNICAL_MAX = 2, /* words and numbers taken off a label: bytecdn2 */
    BRAND_LEN_MIN = 6, /* of a mark that may have them: shorter ones are others' words too */
};

struct entry {
    uint64_t hash; /* 0: free */
    uint32_t text; /* offset in the pool */
    uint32_t value;
    uint8_t len, match;
};

struct names {
    struct entry *entries; /* as added, then (sealed) the table itself */
    size_t count, room, mask;
    char *pool;
    size_t pool_len, pool_room;
    bool sealed, brands, firsts;
    uint64_t filter[FILTER_BITS / 64];
};

struct names *names_new(void)
{
    return memory_alloc(sizeof(struct names));
}

void names_free(struct names *n)
{
    if (!n)
        return;
    free(n->entries);
    free(n->pool);
    free(n);
}

static inline uint64_t step(uint64_t h, char c)
{
    return (h ^ (unsigned char)c) * 0x9fb21c651e98df25u;
}

enum { HASH_START = 0x51ed270b };

/* What tells apart the kinds of match, and spreads the high bits over the low ones. */
static inline uint64_t finish(uint64_t h, enum names_match match)
{
    h = (h + match + 1) * 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    return h | 1; /* never 0 */
}

static uint64_t hash_of(const char *text, size_t len, enum names_match match)
{
    uint64_t h = HASH_START;
    for (size_t i = len; i-- > 0;)
        h = step(h, text[i]);
    return finish(h, match);
}

void names_add(struct names *n, enum names_match match, const char *text, size_t len,
               uint32_t value)
{
    if (len == 0 || len > 255)
        return;
    if (n->count == n->room) {
        n->room = n->room ? n->room * 2 : 256;
        n->entries = memory_resize(n->entries, n->room, sizeof *n->entries);
    }
    if (n->pool_len + len > n->pool_room) {
        n->pool_room = n->pool_room ? n->pool_room * 2 : 1 << 14;
        n->pool = memory_resize(n->pool, n->pool_room, 1);
    }
    memcpy(n->pool + n->pool_len, text, len);
    n->entries[n->count++] = (struct entry){.hash = hash_of(text, len, match),
                                            .text = (uint32_t)n->pool_len,
                                            .value = value,
                                            .len = (uint8_t)len,
                                            .match = (uint8_t)match};
    n->pool_len += len;
    n->brands |= match == NAMES_BRAND;
    n->firsts |= match == NAMES_FIRST;
}

static bool same(const struct names *n, const struct entry *e, const char *text, size_t len,
                 enum names_match match)
{
    return e->len == len && e->match == match && memcmp(n->pool + e->text, text, len) == 0;
}

static struct entry *probe(const struct names *n, uint64_t hash, const char *text, size_t len,
                           enum names_match match)
{
    for (size_t i = hash >> 8 & n->mask;; i = (i + 1) & n->mask) {
        struct entry *e = &n->entries[i];
        if (e->hash == 0 || (e->hash == hash && same(n, e, text, len, match)))
            return e;
    }
}

void names_seal(struct names *n)
{
    struct entry *list = n->entries;
    size_t count = n->count, slots = 64;
    while (slots < count * 2)
        slots *= 2;
    n->entries = memory_array(slots, sizeof *n->entries);
    n->mask = slots - 1;
    for (size_t i = 0; i < count; i++) {
        *probe(n, list[i].hash, n->pool + list[i].text, list[i].len, list[i].match) = list[i];
        uint64_t bit = list[i].hash >> 40 & (FILTER_BITS - 1);
        n->filter[bit / 64] |= 1ull << bit % 64;
    }
    n->sealed = true;
    free(list);
}

static inline const struct entry *find(const struct names *n, uint64_t hash, const char *text,
                                       size_t len, enum names_match match)
{
    uint64_t bit = hash >> 40 & (FILTER_BITS - 1);
    if (!(n->filter[bit / 64] >> bit % 64 & 1))
        return NULL;
    const struct entry *e = probe(n, hash, text, len, match);
    return e->hash ? e : NULL;
}

static bool second_level(const char *label, size_t len)
{
    static const char *const COMMON[] = {"co",   "com", "net", "org",  "ac",  "edu", "gov", "or",
                                         "ne",   "go",  "gob", "govt", "web", "nom", "gen", "mil",
                                         "biz",  "ltd", "plc", "info", "re",  "sch", "res", "gouv",
                                         "asso", "idf", "nic", "firm", "ind", "tm"};
    for (size_t i = 0; i < sizeof COMMON / sizeof *COMMON; i++)
        if (strlen(COMMON[i]) == len && memcmp(COMMON[i], label, len) == 0)
            return true;
    return false;
}

/* The provinces of China, under .cn (CNNIC). */
static bool province(const char *label, size_t len)
{
    static const char CODES[] = "bj sh tj cq he sx nm ln jl hl js zj ah fj jx sd ha hb hn gd gx "
                                "hi sc gz yn xz sn gs qh nx xj tw hk mo";
    for (size_t i = 0; len == 2 && i + 2 <= sizeof CODES - 1; i += 3)
        if (memcmp(CODES + i, label, 2) == 0)
            return true;
    return false;
}

/* Start of the label that ends before `end`. */
static size_t label_start(const char *host, size_t end)
{
    while (end > 0 && host[end - 1] != '.')
        end--;
    return end;
}

void names_registered(const char *host, size_t len, const char **label, size_t *label_len)
{
    *label = host, *label_len = 0;
    size_t top = label_start(host, len);
    if (top < 2)
        return;
    size_t end = top - 1, start = label_start(host, end);
    if (len - top == 2 && start >= 2 &&
        (second_level(host + start, end - start) ||
         (memcmp(host + top, "cn", 2) == 0 && province(host + start, end - start)))) {
        end = start - 1;
        start = label_start(host, end);
    }
    *label = host + start, *label_len = end - start;
}

/* "google" in www.google.com.br; with `hosts`, for names that nothing else knows, also with what
 * operators put behind their mark for hosts of programs: tiktokcdn.com, steamstatic.net. */
static const struct entry *brand_of(const struct names *n, const char *host, size_t len, bool hosts)
{
    const char *label;
    size_t label_len, shorter;
    const struct entry *e = NULL;
    names_registered(host, len, &label, &label_len);
    for (int strips = 0; label_len; strips++, label_len = shorter) {
        e = find(n, hash_of(label, label_len, NAMES_BRAND), label, label_len, NAMES_BRAND);
        if (e || !hosts || strips == TECHNICAL_MAX)
            break;
        shorter = affix_technical(label, label_len);
        if (shorter == label_len || shorter < BRAND_LEN_MIN)
            break;
    }
    return e;
}

/* "speedtest" of speedtest2-ny.isp.example: what the host is for, whoever's it is. */
static const struct entry *first_of(const struct names *n, const char *host, size_t len)
{
    const char *label;
    size_t label_len, end = 0;
    names_registered(host, len, &label, &label_len);
    while (end < len && host[end] != '.' && host[end] != '-')
        end++;
    if (label_len == 0 ||
        host + end >= label) /* the registered label itself is a name, not a use */
        return NULL;
    while (end > 0 && host[end - 1] >= '0' && host[end - 1] <= '9')
        end--;
    return end ? find(n, hash_of(host, end, NAMES_FIRST), host, end, NAMES_FIRST) : NULL;
}

size_t names_find(const struct names *n, const char *host, size_t len,
                  uint32_t values[NAMES_MATCHES_MAX])
{
    if (len == 0 || len > 255 || !n->count)
        return 0;
    uint32_t found[NAMES_MATCHES_MAX]; /* shortest first */
    size_t count = 0, out = 0;
    uint64_t h = HASH_START;
    const struct entry *e;
    for (size_t i = len; i-- > 0;) {
        if (host[i] == '.' && i + 1 < len &&
            (e = find(n, finish(h, NAMES_SUFFIX), host + i + 1, len - i - 1, NAMES_SUFFIX))) {
            if (count == NAMES_MATCHES_MAX - 2) /* the longest ones are the better ones */
                memmove(found, found + 1, --count * sizeof *found);
            found[count++] = e->value;
        }
        h = step(h, host[i]);
    }
    if ((e = find(n, finish(h, NAMES_EXACT), host, len, NAMES_EXACT)))
        values[out++] = e->value;
    if ((e = find(n, finish(h, NAMES_SUFFIX), host, len, NAMES_SUFFIX)))
        found[count++] = e->value;
    while (count > 0 && out < NAMES_MATCHES_MAX)
        values[out++] = found[--count];
    if (out < NAMES_MATCHES_MAX && n->brands && (e = brand_of(n, host, len, out == 0)))
        values[out++] = e->value;
    if (out == 0 && n->firsts && (e = first_of(n, host, len)))
        values[out++] = e->value;
    return out;
}

int names_is_literal(const char *host, size_t len)
{
    if (len == 0 || memchr(host, ':', len) || host[0] == '[')
        return 1;
    size_t top = label_start(host, len);
    for (size_t i = top; i < len; i++)
        if (host[i] < '0' || host[i] > '9')
            return 0;
    return 1;
}
