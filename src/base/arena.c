/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { CHUNK_OCTETS = 64 * 1024 };

struct chunk {
    struct chunk *next;
    size_t used, size;
    alignas(max_align_t) unsigned char room[];
};

struct arena {
    struct chunk *head;
    size_t limit, used;
};

struct arena *arena_new(size_t limit)
{
    struct arena *a = memory_alloc(sizeof *a);
    a->limit = limit;
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        memory_exhausted(size);
    size = (size + align - 1) / align * align;
    if (size > a->limit - a->used)
        memory_exhausted(size);
    a->used += size;
    if (!a->head || a->head->size - a->head->used < size) {
        size_t room = size > CHUNK_OCTETS ? size : CHUNK_OCTETS;
        struct chunk *c = memory_alloc(sizeof *c + room);
        c->size = room;
        c->next = a->head;
        a->head = c;
    }
    void *at = a->head->room + a->head->used;
    a->head->used += size;
    return at;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        memory_exhausted(SIZE_MAX);
    return arena_alloc(a, count * size);
}

char *arena_text(struct arena *a, const char *text, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *arena_format(struct arena *a, const char *format, ...)
{
    assert(format); /* also tells gcc, which doubts it under -fsanitize */
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(a, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}
