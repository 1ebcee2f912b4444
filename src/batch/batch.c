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

void batch_clear(struct batch *b)
{
    b->rows = 0;
    b->text_len = 0;
    b->text_lost = 0;
}

/* Writing zeros into every column touches as many cache lines as the fields that follow will:
 * a switch on the width lets the compiler use plain stores. */
size_t batch_add(struct batch *b)
{
    assert(b->rows < b->capacity);
    size_t row = b->rows++;
#define FIELD(name, type, stages, shown, doc)                                                      \
    if (b->columns[FIELD_##name])                                                                  \
        memset((BATCH_TYPE_##type *)b->columns[FIELD_##name] + row, 0, sizeof(BATCH_TYPE_##type));
#include "schema/fields.def"
#undef FIELD
    return row;
}

size_t batch_add_rows(struct batch *b, size_t count)
{
    assert(count <= batch_room(b));
    size_t row = b->rows;
    b->rows += count;
    for (int f = 0; f < FIELD_COUNT; f++) {
        if (!b->columns[f])
            continue;
        size_t octets = field_type_octets(field_infos[f].type);
        memset((char *)b->columns[f] + row * octets, 0, count * octets);
    }
    return row;
}

size_t batch_copy_row(struct batch *b, const struct batch *from, size_t row)
{
    assert(b->stage == from->stage);
    size_t to = batch_add(b);
    for (int f = 0; f < FIELD_COUNT; f++) {
        if (!b->columns[f])
            continue;
        if (field_infos[f].type == TYPE_STR) {
            struct bytes text = batch_text(from, (enum field)f, row);
            batch_set_text(b, (enum field)f, to, (const char *)text.at, text.len);
            continue;
        }
        size_t octets = field_type_octets(field_infos[f].type);
        memcpy((char *)b->columns[f] + to * octets, (const char *)from->columns[f] + row * octets,
               octets);
    }
    return to;
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
