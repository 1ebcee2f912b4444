/* SPDX-License-Identifier: Apache-2.0 */
/* A slot of the index is a 32-bit tag and a number, so a search touches one cache line until the
 * tag agrees.
 *
 * The order is a ring of numbers: who is touched is written anew at its end and remembers that
 * place; an older place of the same number is then nobody's. So moving to the end is one write in
 * sequence instead of four in neighbours all over memory, and what comes next is known in time to
 * fetch it.
 *
 * Fetching is done by reading. On virtual machines a prefetch whose page is not in the processor's
 * translation cache is dropped, and in a table of 200 MB that is nearly each (measured: 1.5 times
 * as many records a second with reads). */
#include "flow/table.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/memory.h"

struct slot {
    uint32_t tag, number; /* number 0: empty */
};

enum {
    LINE = 64,
    HUGE_PAGE = 2 << 20,
    AHEAD = 16,
    CHUNK_TEXT = 60,
    NAME_CHUNKS_MAX = (TABLE_NAME_MAX + 1 + CHUNK_TEXT - 1) / CHUNK_TEXT,
    OWN_CHUNKS_MAX = NAME_CHUNKS_MAX + 1 /* of one conversation */
};

/* A name is a chain of chunks; the first octet of its first chunk is its length. Translated ends
 * lie in one. */
struct chunk {
    alignas(struct translated) uint8_t text[CHUNK_TEXT];
    uint32_t next;
};

#define NOWHERE UINT64_MAX

struct table {
    size_t open_max, count, slot_mask;
    struct slot *slots;
    struct conversation *at; /* numbers 1 .. open_max, each on its own cache lines */
    void *memory;            /* `at` lies in it */
    uint32_t *ring;          /* numbers in order; places head .. tail */
    size_t ring_mask;
    uint64_t head, tail, fetched;
    struct chunk *chunks; /* 1 .. chunk_max */
    size_t chunk_max;
    uint32_t free_number, free_chunk;   /* given back, chained by tag, chunks[].next */
    uint32_t fresh_number, fresh_chunk; /* from here on never used */
    size_t chunks_left;
};

static_assert(sizeof(struct ends) == 40, "ends are compared and hashed as octets");
static_assert(sizeof(struct chunk) == LINE, "a chunk is a cache line");
static_assert(sizeof(struct translated) <= CHUNK_TEXT, "translated ends lie in a chunk");
static_assert(sizeof(struct conversation) == 3 * LINE, "fetched whole, touched often");

/* Zeroed, on large pages where the system has them: look-ups go all over the array, and with pages
 * of 4 KiB each would also miss the page tables. */
static void *big_array(size_t count, size_t size)
{
    void *at = memory_array(count, size);
    uintptr_t from = ((uintptr_t)at + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    uintptr_t to = ((uintptr_t)at + count * size) & ~(uintptr_t)(HUGE_PAGE - 1);
    if (to > from)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
    return at;
}

struct table *table_new(size_t open_max)
{
    struct table *t = memory_alloc(sizeof *t);
    size_t slots = 16;
    assert(open_max > 0 && open_max < UINT32_MAX / 4);
    while (slots < open_max * 2)
        slots *= 2;
    t->open_max = open_max;
    t->slot_mask = slots - 1;
    t->slots = big_array(slots, sizeof *t->slots);
    t->memory = big_array(open_max + 2, sizeof *t->at);
    t->at = (struct conversation *)(((uintptr_t)t->memory + LINE - 1) & ~(uintptr_t)(LINE - 1));
    t->ring_mask = slots * 2 - 1;
    t->ring = big_array(slots * 2, sizeof *t->ring);
    t->chunk_max = open_max + OWN_CHUNKS_MAX;
    t->chunks = big_array(t->chunk_max + 1, sizeof *t->chunks);
    t->fresh_number = t->fresh_chunk = 1;
    t->chunks_left = t->chunk_max;
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    free(t->slots);
    free(t->memory);
    free(t->ring);
    free(t->chunks);
    free(t);
}

uint32_t ends_tag(const struct ends *e)
{
    uint64_t w[5];
    memcpy(w, e, sizeof w);
    /* IPv4 differs only in the low halves; all words take part, two products deep. */
    uint64_t h = hash_mix(w[0] ^ w[3], w[1]) ^ hash_mix(w[2] ^ w[4], w[3] + w[4]);
    h = hash_mix(h, w[4]);
    return (uint32_t)(h ^ h >> 32);
}

/* Reads what the compiler must not leave out; nothing waits for the values. */
static void fetch(const void *at)
{
    (void)*(const volatile char *)at;
}

static void fetch_conversation(const struct table *t, uint32_t n)
{
    const char *c = (const char *)&t->at[n];
    fetch(c);
    fetch(c + LINE);
    fetch(c + 2 * LINE);
}

void table_fetch_slot(const struct table *t, uint32_t tag)
{
    fetch(&t->slots[tag & t->slot_mask]);
}

void table_fetch(const struct table *t, uint32_t tag)
{
    for (size_t i = tag & t->slot_mask; t->slots[i].number; i = (i + 1) & t->slot_mask) {
        if (t->slots[i].tag != tag)
            continue;
        fetch_conversation(t, t->slots[i].number);
        return;
    }
}

struct conversation *table_find(struct table *t, const struct ends *e, uint32_t tag)
{
    for (size_t i = tag & t->slot_mask; t->slots[i].number; i = (i + 1) & t->slot_mask) {
        if (t->slots[i].tag != tag)
            continue;
        struct conversation *c = &t->at[t->slots[i].number];
        if (memcmp(&c->ends, e, sizeof *e) == 0)
            return c;
    }
    return NULL;
}

bool table_full(const struct table *t)
{
    return t->count == t->open_max || t->chunks_left < OWN_CHUNKS_MAX;
}

/* Drops the places that are nobody's any more. The ring holds four times the conversations, so this
 * comes after three touches of each at the earliest. */
static void tidy_ring(struct table *t)
{
    uint64_t to = t->head;
    for (uint64_t place = t->head; place < t->tail; place++) {
        uint32_t n = t->ring[place & t->ring_mask];
        if (t->at[n].place != place)
            continue;
        t->ring[to & t->ring_mask] = n;
        t->at[n].place = to++;
    }
    t->tail = to;
}

static void put_last(struct table *t, uint32_t n)
{
    if (t->tail - t->head > t->ring_mask)
        tidy_ring(t);
    t->ring[t->tail & t->ring_mask] = n;
    t->at[n].place = t->tail++;
}

struct conversation *table_add(struct table *t, const struct ends *e, uint32_t tag)
{
    assert(t->count < t->open_max);
    uint32_t n = t->free_number;
    if (n)
        t->free_number = t->at[n].tag;
    else
        n = t->fresh_number++;
    size_t i = tag & t->slot_mask;
    while (t->slots[i].number)
        i = (i + 1) & t->slot_mask;
    t->slots[i] = (struct slot){tag, n};
    struct conversation *c = &t->at[n];
    memset(c, 0, sizeof *c);
    c->ends = *e;
    c->tag = tag;
    put_last(t, n);
    t->count++;
    return c;
}

static void free_chunks(struct table *t, uint32_t *first)
{
    for (uint32_t chunk = *first; chunk;) {
        uint32_t next = t->chunks[chunk].next;
        t->chunks[chunk].next = t->free_chunk;
        t->free_chunk = chunk;
        t->chunks_left++;
        chunk = next;
    }
    *first = 0;
}

void table_remove(struct table *t, struct conversation *c)
{
    uint32_t n = (uint32_t)(c - t->at);
    size_t hole = c->tag & t->slot_mask;
    while (t->slots[hole].number != n)
        hole = (hole + 1) & t->slot_mask;
    /* Later slots of the same run move back, unless they lie before their own place then. */
    for (size_t i = (hole + 1) & t->slot_mask; t->slots[i].number; i = (i + 1) & t->slot_mask) {
        size_t home = t->slots[i].tag & t->slot_mask;
        if (((i - home) & t->slot_mask) < ((i - hole) & t->slot_mask))
            continue;
        t->slots[hole] = t->slots[i];
        hole = i;
    }
    t->slots[hole] = (struct slot){0, 0};
    free_chunks(t, &c->name);
    free_chunks(t, &c->translated);
    c->place = NOWHERE;
    c->tag = t->free_number;
    t->free_number = n;
    t->count--;
}

void table_touch(struct table *t, struct conversation *c)
{
    put_last(t, (uint32_t)(c - t->at));
}

/* What will be first soon, many together: reads that miss overlap only where they stand close. */
static void fetch_ahead(struct table *t)
{
    uint64_t to = t->tail - t->head < AHEAD ? t->tail : t->head + AHEAD;
    for (uint64_t place = t->head; place < to; place++)
        fetch_conversation(t, t->ring[place & t->ring_mask]);
    for (uint64_t place = t->head; place < to; place++)
        table_fetch_slot(t, t->at[t->ring[place & t->ring_mask]].tag);
    t->fetched = to;
}

struct conversation *table_first(struct table *t)
{
    for (; t->head < t->tail; t->head++) {
        if (t->head >= t->fetched)
            fetch_ahead(t);
        uint32_t n = t->ring[t->head & t->ring_mask];
        if (t->at[n].place == t->head)
            return &t->at[n];
    }
    return NULL;
}

size_t table_count(const struct table *t)
{
    return t->count;
}

static uint32_t take_chunk(struct table *t)
{
    uint32_t n = t->free_chunk;
    if (n)
        t->free_chunk = t->chunks[n].next;
    else
        n = t->fresh_chunk++;
    t->chunks_left--;
    t->chunks[n].next = 0;
    return n;
}

void table_set_name(struct table *t, struct conversation *c, struct bytes name)
{
    uint8_t text[TABLE_NAME_MAX + 1];
    size_t len = name.len;
    assert(!c->name && len <= TABLE_NAME_MAX && t->chunks_left >= NAME_CHUNKS_MAX);
    text[0] = (uint8_t)len;
    memcpy(text + 1, name.at, len);
    uint32_t *to = &c->name;
    for (size_t at = 0; at < len + 1; at += CHUNK_TEXT) {
        size_t part = len + 1 - at < CHUNK_TEXT ? len + 1 - at : CHUNK_TEXT;
        *to = take_chunk(t);
        memcpy(t->chunks[*to].text, text + at, part);
        to = &t->chunks[*to].next;
    }
}

struct translated *table_translated(struct table *t, struct conversation *c, bool make)
{
    if (!c->translated && !make)
        return NULL;
    if (!c->translated) {
        c->translated = take_chunk(t);
        memset(t->chunks[c->translated].text, 0, CHUNK_TEXT);
    }
    return (struct translated *)t->chunks[c->translated].text;
}

size_t table_name(const struct table *t, const struct conversation *c, char name[TABLE_NAME_MAX])
{
    if (!c->name)
        return 0;
    const struct chunk *chunk = &t->chunks[c->name];
    size_t len = chunk->text[0], done = 0, from = 1;
    while (done < len) {
        size_t part = len - done < CHUNK_TEXT - from ? len - done : CHUNK_TEXT - from;
        memcpy(name + done, chunk->text + from, part);
        done += part;
        from = 0;
        chunk = &t->chunks[chunk->next];
    }
    return len;
}
