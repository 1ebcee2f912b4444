/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

void buf_init(struct buf *b, size_t limit)
{
    *b = (struct buf){.limit = limit};
}

void buf_done(struct buf *b)
{
    free(b->at);
    buf_init(b, b->limit);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->at)
        b->at[0] = 0;
}

char *buf_take(struct buf *b)
{
    char *at = b->at ? b->at : memory_alloc(1);
    buf_init(b, b->limit);
    return at;
}

void *buf_room(struct buf *b, size_t len)
{
    if (b->failed || len > b->limit - b->len) {
        b->failed = true;
        return NULL;
    }
    if (b->len + len + 1 > b->size) {
        size_t size = b->size ? b->size : 256;
        while (size < b->len + len + 1)
            size *= 2;
        b->at = memory_resize(b->at, size, 1);
        b->size = size;
    }
    char *room = b->at + b->len;
    room[len] = 0;
    return room;
}

void buf_add(struct buf *b, const void *at, size_t len)
{
    void *room = buf_room(b, len);
    if (!room)
        return;
    if (len)
        memcpy(room, at, len);
    b->len += len;
}

void buf_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_format(struct buf *b, const char *format, ...)
{
    assert(format); /* also tells gcc, which doubts it under -fsanitize */
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *room = buf_room(b, (size_t)len);
    if (!room)
        return;
    va_start(args, format);
    vsnprintf(room, (size_t)len + 1, format, args);
    va_end(args);
    b->len += (size_t)len;
}
