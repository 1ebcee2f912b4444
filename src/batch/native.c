/* SPDX-License-Identifier: Apache-2.0 */
/* ClickHouse's Native format, written and read. Numbers are little-endian on the wire and this
 * program runs on little-endian machines only, so columns are copied as they lie. */
#include "batch/block_in.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are copied as they lie");

static void put_varint(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_u8(out, (uint8_t)(value | 0x80));
    buf_u8(out, (uint8_t)value);
}

static void put_text(struct buf *out, const void *at, size_t len)
{
    put_varint(out, len);
    buf_add(out, at, len);
}

static void encode_batch_column(struct buf *out, const struct batch *b, enum field f, size_t from,
                                size_t count)
{
    const struct field_info *info = &field_infos[f];
    const char *type = field_type_clickhouse(info->type);
    put_text(out, info->name, strlen(info->name));
    put_text(out, type, strlen(type));
    if (info->type != TYPE_STR) {
        size_t width = field_type_octets(info->type);
        buf_add(out, (const uint8_t *)b->columns[f] + from * width, count * width);
        return;
    }
    for (size_t row = from; row < from + count; row++) {
        struct bytes text = batch_text(b, f, row);
        put_text(out, text.at, text.len);
    }
}

void native_encode_batch(struct buf *out, const struct batch *b, size_t from, size_t count)
{
    assert(b->stage == STAGE_FLOW && from + count <= b->rows);
    size_t columns = 0;
    for (int f = 0; f < FIELD_COUNT; f++)
        columns += b->columns[f] != NULL;
    put_varint(out, columns);
    put_varint(out, count);
    for (int f = 0; f < FIELD_COUNT; f++)
        if (b->columns[f])
            encode_batch_column(out, b, (enum field)f, from, count);
}

#define GATHER(type)                                                                               \
    do {                                                                                           \
        type *to = (type *)room;                                                                   \
        for (size_t n = 0; n < r->count; n++)                                                      \
            to[n] = ((const type *)bases[order[n] >> NATIVE_ORDER_SHIFT])[order[n] & ROW];         \
    } while (0)

/* Values of `width` octets to `room`, which is aligned as it happens to be: x86 and ARM do not
 * mind, and the packed types tell the compiler. */
typedef uint16_t u16_any __attribute__((aligned(1)));
typedef uint32_t u32_any __attribute__((aligned(1)));
typedef uint64_t u64_any __attribute__((aligned(1)));
struct octets_16 {
    uint8_t octet[16];
};

static void gather(uint8_t *room, const struct native_rows *r, const void *const *bases,
                   size_t width)
{
    enum { ROW = (1 << NATIVE_ORDER_SHIFT) - 1 };
    const uint32_t *order = r->order;
    switch (width) {
    case 1:
        GATHER(uint8_t);
        break;
    case 2:
        GATHER(u16_any);
        break;
    case 4:
        GATHER(u32_any);
        break;
    case 8:
        GATHER(u64_any);
        break;
    default:
        assert(width == sizeof(struct octets_16));
        GATHER(struct octets_16);
    }
}

static void gather_texts(struct buf *out, const struct native_rows *r, enum field f)
{
    enum { ROW = (1 << NATIVE_ORDER_SHIFT) - 1 };
    for (size_t n = 0; n < r->count; n++) {
        const struct batch *b = r->batches[r->order[n] >> NATIVE_ORDER_SHIFT];
        struct bytes text = batch_text(b, f, r->order[n] & ROW);
        put_text(out, text.at, text.len);
    }
}

/* The value that all rows have, or NULL: source, day, sampling and the like. */
static const uint8_t *constant(const struct native_rows *r, enum field f, size_t width)
{
    const uint8_t *value = NULL;
    for (size_t b = 0; b < r->batch_count; b++) {
        const uint8_t *at = r->batches[b]->columns[f];
        size_t size = r->batches[b]->rows * width;
        if (size == 0)
            continue;
        if ((value && memcmp(at, value, width) != 0) || memcmp(at, at + width, size - width) != 0)
            return NULL;
        value = at;
    }
    return value;
}

static void repeat(uint8_t *room, const uint8_t *value, size_t width, size_t count)
{
    size_t size = width * count;
    if (size == 0)
        return;
    memcpy(room, value, width);
    for (size_t done = width; done < size; done *= 2)
        memcpy(room + done, room, done < size - done ? done : size - done);
}

void native_begin(struct buf *out, size_t columns, size_t rows)
{
    put_varint(out, columns);
    put_varint(out, rows);
}

void *native_column(struct buf *out, const char *name, const char *type, size_t octets)
{
    put_text(out, name, strlen(name));
    put_text(out, type, strlen(type));
    void *room = buf_room(out, octets);
    if (room)
        out->len += octets;
    return room;
}

void native_encode_rows(struct buf *out, const struct native_rows *r)
{
    const void **bases = memory_array(r->batch_count, sizeof *bases);
    native_begin(out, r->field_count, r->count);
    for (size_t i = 0; i < r->field_count; i++) {
        enum field f = r->fields[i];
        const char *type = field_type_clickhouse(field_infos[f].type);
        size_t width = field_type_octets(field_infos[f].type);
        if (field_infos[f].type == TYPE_STR) {
            native_column(out, r->names[i], type, 0);
            gather_texts(out, r, f);
            continue;
        }
        for (size_t b = 0; b < r->batch_count; b++)
            bases[b] = r->batches[b]->columns[f];
        uint8_t *room = native_column(out, r->names[i], type, r->count * width);
        const uint8_t *value = room ? constant(r, f, width) : NULL;
        if (value)
            repeat(room, value, width, r->count);
        else if (room)
            gather(room, r, bases, width);
    }
    free(bases);
}

static void encode_values(struct buf *out, const struct block_column *c)
{
    if (c->kind != BLOCK_STRING) {
        buf_add(out, c->values.at, c->values.len * c->width);
        return;
    }
    const uint64_t *ends = c->ends.at;
    for (size_t i = 0; i < c->ends.len; i++) {
        uint64_t from = i ? ends[i - 1] : 0;
        const char *texts = c->values.at ? c->values.at : ""; /* all of them may be empty */
        put_text(out, texts + from, ends[i] - from);
    }
}

void native_encode_block(struct buf *out, const struct block *b)
{
    assert(b->put == 0);
    put_varint(out, b->count);
    put_varint(out, b->rows);
    for (size_t i = 0; i < b->count; i++) {
        const struct block_column *c = &b->columns[i];
        put_text(out, c->name, strlen(c->name));
        put_text(out, c->type, strlen(c->type));
        buf_add(out, c->arrays.at, c->arrays.len * sizeof(uint64_t));
        encode_values(out, c);
    }
}

/* What is left to read. Past the end `is_short` is set and stays; nonsense sets `wrong`. */
struct reader {
    const uint8_t *at, *end;
    bool is_short;
    const char *wrong;
};

static bool reader_ok(const struct reader *r)
{
    return !r->is_short && !r->wrong;
}

static uint64_t get_varint(struct reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; reader_ok(r); shift += 7) {
        if (r->at == r->end) {
            r->is_short = true;
        } else if (shift == 63 && *r->at > 1) {
            r->wrong = "a number of more than 64 bits";
        } else {
            uint8_t octet = *r->at++;
            value |= (uint64_t)(octet & 0x7f) << shift;
            if (octet < 0x80)
                return value;
        }
    }
    return 0;
}

/* NULL past the end. */
static const uint8_t *get_octets(struct reader *r, uint64_t count, size_t width)
{
    if (reader_ok(r) && count > (uint64_t)(r->end - r->at) / width)
        r->is_short = true;
    if (!reader_ok(r))
        return NULL;
    const uint8_t *at = r->at;
    r->at += count * width;
    return at;
}

static struct bytes get_text(struct reader *r)
{
    uint64_t len = get_varint(r);
    const uint8_t *at = get_octets(r, len, 1);
    return bytes_of(at, at ? len : 0);
}

static void decode_strings(struct reader *r, struct block_column *c, uint64_t count)
{
    /* Every text takes an octet at least: so many are there, or the block is not whole. */
    if (!reader_ok(r) || count > (uint64_t)(r->end - r->at)) {
        r->is_short = true;
        return;
    }
    uint64_t *ends = block_grow(&c->ends, count, sizeof *ends);
    for (uint64_t i = 0; i < count; i++) {
        struct bytes text = get_text(r);
        uint8_t *room = block_grow(&c->values, text.len, 1);
        if (text.len)
            memcpy(room, text.at, text.len);
        ends[i] = c->values.len;
    }
}

static void decode_values(struct reader *r, struct block_column *c, uint64_t count)
{
    if (c->kind == BLOCK_STRING) {
        decode_strings(r, c, count);
        return;
    }
    const uint8_t *at = get_octets(r, count, c->width);
    if (at && count)
        memcpy(block_grow(&c->values, count, c->width), at, count * c->width);
}

/* Ends of arrays, and how many elements they have together. */
static uint64_t decode_arrays(struct reader *r, struct block_column *c, uint64_t rows)
{
    const uint8_t *at = get_octets(r, rows, sizeof(uint64_t));
    if (!at || rows == 0)
        return 0;
    uint64_t before = c->arrays.len ? ((uint64_t *)c->arrays.at)[c->arrays.len - 1] : 0, last = 0;
    uint64_t *ends = block_grow(&c->arrays, rows, sizeof *ends);
    for (uint64_t i = 0; i < rows; i++) {
        uint64_t end;
        memcpy(&end, at + i * sizeof end, sizeof end);
        if (end < last || end > UINT32_MAX * UINT64_C(256)) {
            r->wrong = "array ends that go back";
            return 0;
        }
        last = end;
        ends[i] = before + end;
    }
    return last;
}

static struct block_column *decode_header(struct reader *r, struct block *b, size_t index,
                                          bool is_first)
{
    struct bytes name = get_text(r), type = get_text(r);
    if (!reader_ok(r))
        return NULL;
    struct block_column *c;
    if (is_first) {
        c = block_add_column(b, (const char *)name.at, name.len, (const char *)type.at, type.len);
        if (!c)
            r->wrong = "a column of a type not known here";
        return c;
    }
    c = &b->columns[index];
    if (!bytes_equal(name, bytes_of_text(c->name)) || !bytes_equal(type, bytes_of_text(c->type))) {
        r->wrong = "blocks whose columns differ";
        return NULL;
    }
    return c;
}

/* Appends the next block's rows. Without a `wrong` or `is_short` it was read whole. */
static void decode_block(struct reader *r, struct block *b)
{
    bool is_first = b->count == 0;
    uint64_t columns = get_varint(r), rows = get_varint(r);
    if (!reader_ok(r))
        return;
    if ((columns == 0 && rows != 0) || (!is_first && columns != b->count) || columns > UINT16_MAX) {
        r->wrong = "a wrong number of columns";
        return;
    }
    for (size_t i = 0; i < columns && reader_ok(r); i++) {
        struct block_column *c = decode_header(r, b, i, is_first);
        if (c)
            decode_values(r, c, c->is_array ? decode_arrays(r, c, rows) : rows);
    }
    if (reader_ok(r))
        b->rows += rows;
}

/* An exception that the server appended, or what else was wrong. */
static int decode_error(struct reader *r, struct error *err)
{
    return error_set(err, ERROR_FAILED, "the engine's answer cannot be read: %s",
                     r->is_short ? "it ends in the middle" : r->wrong);
}

int native_decode(struct bytes native, struct block **ret, struct error *err)
{
    struct reader r = {.at = native.at, .end = native.at + native.len};
    struct block *b = block_new();
    while (r.at != r.end && reader_ok(&r))
        decode_block(&r, b);
    if (!reader_ok(&r)) {
        block_free(b);
        return decode_error(&r, err);
    }
    *ret = b;
    return 0;
}

int native_decode_next(struct bytes *native, struct block **ret, struct error *err)
{
    struct reader r = {.at = native->at, .end = native->at + native->len};
    struct block *b = block_new();
    decode_block(&r, b);
    if (reader_ok(&r)) {
        *native = bytes_of(r.at, (size_t)(r.end - r.at));
        *ret = b;
        return 1;
    }
    block_free(b);
    return r.wrong ? decode_error(&r, err) : 0;
}
