/* SPDX-License-Identifier: Apache-2.0 */
#include "batch/batch.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

static_assert(sizeof(struct ip) == 16, "an address column is dense");
static_assert(sizeof(struct text_ref) == 8, "field_type_octets(TYPE_STR)");

struct batch *batch_new(enum field_stage stage, size_t capacity)
{
    struct batch *b = memory_alloc(sizeof *b);
    b->stage = stage;
    b->capacity = capacity;
    for (int f = 0; f < FIELD_COUNT; f++)
        if (field_infos[f].stages & stage)
            b->columns[f] = memory_array(capacity, field_type_octets(field_infos[f].type));
    b->text_size = capacity * TEXT_OCTETS_A_ROW;
    if (b->text_size < 65536)
        b->text_size = 65536;
    b->text = memory_alloc(b->text_size);
    return b;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    for (int f = 0; f < FIELD_COUNT; f++)
        free(b->columns[f]);
    free(b->text);
    free(b);
}

static void zero_rows(struct batch *b, size_t from, size_t to)
{
    for (int f = 0; f < FIELD_COUNT; f++) {
        size_t octets = field_type_octets(field_infos[f].type);
        if (b->columns[f])
            memset((char *)b->columns[f] + from * octets, 0, (to - from) * octets);
    }
}

void batch_clear(struct batch *b)
{
    zero_rows(b, 0, b->rows);
    b->rows = 0;
    b->text_len = 0;
    b->text_lost = 0;
}

void batch_rewind(struct batch *b, size_t rows)
{
    assert(rows <= b->rows);
    zero_rows(b, rows, b->rows);
    b->rows = rows;
}

size_t batch_add(struct batch *b)
{
    assert(b->rows < b->capacity);
    return b->rows++;
}

size_t batch_add_rows(struct batch *b, size_t count)
{
    assert(count <= batch_room(b));
    size_t row = b->rows;
    b->rows += count;
    return row;
}

static void copy_texts(struct batch *b, const struct batch *from, enum field f, size_t at,
                       size_t count)
{
    const struct text_ref *refs = (const struct text_ref *)from->columns[f] + at;
    for (size_t n = 0; n < count; n++)
        if (refs[n].len)
            batch_set_text(b, f, b->rows + n, from->text + refs[n].at, refs[n].len);
}

void batch_copy_rows(struct batch *b, const struct batch *from, size_t at, size_t count)
{
    assert(b->stage == from->stage && count <= batch_room(b) && at + count <= from->rows);
    for (int f = 0; f < FIELD_COUNT; f++) {
        size_t octets = field_type_octets(field_infos[f].type);
        if (!b->columns[f])
            continue;
        if (field_infos[f].type == TYPE_STR)
            copy_texts(b, from, (enum field)f, at, count);
        else
            memcpy((char *)b->columns[f] + b->rows * octets,
                   (const char *)from->columns[f] + at * octets, count * octets);
    }
    b->rows += count;
}

size_t batch_copy_row(struct batch *b, const struct batch *from, size_t row)
{
    batch_copy_rows(b, from, row, 1);
    return b->rows - 1;
}

void batch_set_text(struct batch *b, enum field f, size_t row, const char *text, size_t len)
{
    struct text_ref *ref = (struct text_ref *)b->columns[f] + row;
    *ref = (struct text_ref){0, 0};
    if (len == 0)
        return;
    if (len > b->text_size - b->text_len) {
        b->text_lost++;
        return;
    }
    memcpy(b->text + b->text_len, text, len);
    *ref = (struct text_ref){(uint32_t)b->text_len, (uint32_t)len};
    b->text_len += len;
}

struct bytes batch_text(const struct batch *b, enum field f, size_t row)
{
    struct text_ref ref = ((const struct text_ref *)b->columns[f])[row];
    return bytes_of(b->text + ref.at, ref.len);
}
