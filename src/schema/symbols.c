/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/symbols.h"

#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/memory.h"

struct kind {
    const char **texts; /* by code; [0] is "" */
    uint32_t *lens;
    uint32_t *slots; /* open addressing: code or 0; slot_count is a power of two */
    uint32_t count, room, slot_count;
};

struct symbols {
    size_t limit;
    struct arena *arena;
    struct kind kinds[SYMBOL_KINDS];
};

struct symbols *symbols_new(size_t limit)
{
    struct symbols *s = memory_alloc(sizeof *s);
    s->limit = limit;
    s->arena = arena_new(SIZE_MAX / 4);
    return s;
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    for (int i = 0; i < SYMBOL_KINDS; i++) {
        free(s->kinds[i].texts);
        free(s->kinds[i].lens);
        free(s->kinds[i].slots);
    }
    arena_free(s->arena);
    free(s);
}

static uint32_t *slot_for(const struct kind *k, const char *text, size_t len)
{
    uint32_t mask = k->slot_count - 1;
    uint32_t i = (uint32_t)hash_bytes(text, len, 0) & mask;
    for (;; i = (i + 1) & mask) {
        uint32_t code = k->slots[i];
        if (code == 0 || (k->lens[code] == len && memcmp(k->texts[code], text, len) == 0))
            return &k->slots[i];
    }
}

static void grow(struct kind *k)
{
    k->room = k->room ? k->room * 2 : 64;
    k->texts = memory_resize(k->texts, k->room, sizeof *k->texts);
    k->lens = memory_resize(k->lens, k->room, sizeof *k->lens);
    free(k->slots);
    k->slot_count = k->room * 2;
    k->slots = memory_array(k->slot_count, sizeof *k->slots);
    for (uint32_t code = 1; code <= k->count; code++)
        *slot_for(k, k->texts[code], k->lens[code]) = code;
}

uint32_t symbols_find(const struct symbols *s, enum symbol_kind kind, const char *text, size_t len)
{
    const struct kind *k = &s->kinds[kind];
    return len && k->slot_count ? *slot_for(k, text, len) : 0;
}

uint32_t symbols_code(struct symbols *s, enum symbol_kind kind, const char *text, size_t len)
{
    struct kind *k = &s->kinds[kind];
    uint32_t code = symbols_find(s, kind, text, len);
    if (code || len == 0 || k->count >= s->limit)
        return code;
    if (k->count + 1 >= k->room)
        grow(k);
    code = ++k->count;
    k->texts[code] = arena_text(s->arena, text, len);
    k->lens[code] = (uint32_t)len;
    *slot_for(k, text, len) = code;
    return code;
}

const char *symbols_text(const struct symbols *s, enum symbol_kind kind, uint32_t code)
{
    const struct kind *k = &s->kinds[kind];
    return code && code <= k->count ? k->texts[code] : "";
}

uint32_t symbols_count(const struct symbols *s, enum symbol_kind kind)
{
    return s->kinds[kind].count;
}

int symbols_restore(struct symbols *s, enum symbol_kind kind, uint32_t code, const char *text,
                    size_t len)
{
    if (code == s->kinds[kind].count + 1)
        return symbols_code(s, kind, text, len) == code ? 0 : -1;
    return symbols_find(s, kind, text, len) == code ? 0 : -1;
}
