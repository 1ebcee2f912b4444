/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed view of octets. Valid as long as what it points into. */
#ifndef TELLTALE_BASE_BYTES_H
#define TELLTALE_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at;
    size_t len;
};

static inline struct bytes bytes_of(const void *at, size_t len)
{
    return (struct bytes){.at = at, .len = len};
}

static inline struct bytes bytes_of_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

/* The part from `from` on, at most `len` octets; empty where it lies outside. */
static inline struct bytes bytes_slice(struct bytes b, size_t from, size_t len)
{
    if (from > b.len)
        return bytes_of(b.at, 0);
    size_t left = b.len - from;
    return bytes_of(b.at ? b.at + from : NULL, len < left ? len : left);
}

static inline int bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

#endif
