/* SPDX-License-Identifier: Apache-2.0 */
/* A buffer that grows up to its limit. Past it, or once an append failed, it stays as it was and
 * `failed` is set: append freely, ask once. Always ends in a NUL that `len` does not count. */
#ifndef TELLTALE_BASE_BUF_H
#define TELLTALE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *at;
    size_t len, size, limit;
    bool failed;
};

void buf_init(struct buf *b, size_t limit);
void buf_done(struct buf *b);
void buf_clear(struct buf *b); /* empty, not failed, memory kept */
char *buf_take(struct buf *b); /* the text, owned by the caller; the buffer is empty again */

void buf_add(struct buf *b, const void *at, size_t len);
void buf_text(struct buf *b, const char *text);
void buf_format(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for `len` more octets and returns where they go, NULL past the limit. */
void *buf_room(struct buf *b, size_t len);

static inline void buf_u8(struct buf *b, uint8_t value)
{
    if (b->len + 1 < b->size && b->len < b->limit && !b->failed)
        b->at[b->len++] = (char)value, b->at[b->len] = 0;
    else
        buf_add(b, &value, 1);
}

#endif
