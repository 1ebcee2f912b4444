/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on their way: one dense array per column, laid out as ClickHouse's Native format has it.
 *
 * A batch is of one stage (records or conversations) and holds that stage's fields of fields.def.
 * The capacity is fixed at creation and nothing is allocated per row. Text goes to one pool per
 * batch; a row's text that no longer fits the pool is cut to nothing and counted in `text_lost`,
 * so make the pool large (batch_new: TEXT_OCTETS_A_ROW). Not shared by threads while written. */
#ifndef TELLTALE_BATCH_BATCH_H
#define TELLTALE_BATCH_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "schema/fields.h"

enum { TEXT_OCTETS_A_ROW = 64 };

/* A value of a STR column: `len` octets at `at` in the batch's pool. */
struct text_ref {
    uint32_t at, len;
};

/* Rows from `rows` on are zero in every column: adding one writes nothing. Who changes `rows`
 * itself leaves them so. */
struct batch {
    enum field_stage stage;
    size_t rows, capacity;
    void *columns[FIELD_COUNT]; /* NULL for fields of the other stage */
    char *text;
    size_t text_len, text_size;
    uint64_t text_lost;
};

struct batch *batch_new(enum field_stage stage, size_t capacity);
void batch_free(struct batch *b);
void batch_clear(struct batch *b); /* no rows, text pool empty, memory kept */

static inline size_t batch_room(const struct batch *b)
{
    return b->capacity - b->rows;
}

/* Adds one row with every column zero and returns its index. There must be room. */
size_t batch_add(struct batch *b);

/* The same for `count` rows at once; returns the index of the first. */
size_t batch_add_rows(struct batch *b, size_t count);

/* Removes rows added since `rows` was the count (their text stays in the pool until the clear). */
void batch_rewind(struct batch *b, size_t rows);

/* Appends rows [at, at + count) of `from` (same stage), text too. There must be room; a text that
 * the pool has none for is lost and counted. */
void batch_copy_rows(struct batch *b, const struct batch *from, size_t at, size_t count);

/* Copies row `row` of `from` (same stage) to a new row of `b`, text too; returns its index. */
size_t batch_copy_row(struct batch *b, const struct batch *from, size_t row);

void batch_set_text(struct batch *b, enum field f, size_t row, const char *text, size_t len);
/* Borrowed until the batch is cleared or freed. */
struct bytes batch_text(const struct batch *b, enum field f, size_t row);

/* Typed columns: batch_start_ms(b)[row] and so on. */
#define BATCH_TYPE_U8  uint8_t
#define BATCH_TYPE_U16 uint16_t
#define BATCH_TYPE_U32 uint32_t
#define BATCH_TYPE_U64 uint64_t
#define BATCH_TYPE_IP  struct ip
#define BATCH_TYPE_STR struct text_ref
#define BATCH_TYPE_DAY uint16_t
#define FIELD(name, type, stages, shown, doc)                                                      \
    static inline BATCH_TYPE_##type *batch_##name(const struct batch *b)                           \
    {                                                                                              \
        return (BATCH_TYPE_##type *)b->columns[FIELD_##name];                                      \
    }
#include "schema/fields.def"
#undef FIELD

#endif
