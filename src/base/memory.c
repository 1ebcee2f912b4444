/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void memory_exhausted(size_t size)
{
    fprintf(stderr, "telltale: out of memory (%zu more octets were needed)\n", size);
    exit(1);
}

void *memory_alloc(size_t size)
{
    return memory_array(1, size);
}

void *memory_array(size_t count, size_t size)
{
    void *at = calloc(count ? count : 1, size ? size : 1);
    if (!at)
        memory_exhausted(size > SIZE_MAX / (count ? count : 1) ? SIZE_MAX : count * size);
    return at;
}

void *memory_resize(void *old, size_t count, size_t size)
{
    void *at = reallocarray(old, count ? count : 1, size ? size : 1);
    if (!at)
        memory_exhausted(size > SIZE_MAX / (count ? count : 1) ? SIZE_MAX : count * size);
    return at;
}

char *memory_text(const char *text, size_t len)
{
    char *copy = memory_alloc(len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}
