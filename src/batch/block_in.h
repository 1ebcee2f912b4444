/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of struct block, for block.c and native.c only. */
#ifndef TELLTALE_BATCH_BLOCK_IN_H
#define TELLTALE_BATCH_BLOCK_IN_H

#include <stdbool.h>

#include "batch/block.h"

enum block_kind { BLOCK_UNSIGNED, BLOCK_SIGNED, BLOCK_FLOAT, BLOCK_FIXED, BLOCK_STRING };

/* A growing dense array; `len` and `room` count elements. */
struct block_part {
    void *at;
    size_t len, room;
};

struct block_column {
    char *name, *type;
    enum block_kind kind; /* of the elements, where it is an array */
    size_t width;         /* octets of a value; 0 for String */
    bool is_array;
    struct block_part values; /* `width` octets each; String: octets */
    struct block_part ends;   /* String: uint64_t, where each text ends in `values` */
    struct block_part arrays; /* Array: uint64_t, where each array ends among the elements */
};

struct block {
    struct block_column *columns;
    size_t count, rows;
    size_t put; /* the column the next block_put_* goes to */
};

/* False for a type that is not in block.h's list. */
bool block_type_parse(const char *type, size_t len, struct block_column *ret);
/* NULL for such a type. Valid until the next column is added. */
struct block_column *block_add_column(struct block *b, const char *name, size_t name_len,
                                      const char *type, size_t type_len);
/* Room for `more` elements of `width` octets, counted as there. */
void *block_grow(struct block_part *p, size_t more, size_t width);

#endif
