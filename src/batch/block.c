/* SPDX-License-Identifier: Apache-2.0 */
#include "batch/block_in.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const struct {
    const char *name;
    enum block_kind kind;
    size_t width;
} kinds[] = {
    {"UInt8", BLOCK_UNSIGNED, 1},  {"UInt16", BLOCK_UNSIGNED, 2}, {"UInt32", BLOCK_UNSIGNED, 4},
    {"UInt64", BLOCK_UNSIGNED, 8}, {"Int8", BLOCK_SIGNED, 1},     {"Int16", BLOCK_SIGNED, 2},
    {"Int32", BLOCK_SIGNED, 4},    {"Int64", BLOCK_SIGNED, 8},    {"Float32", BLOCK_FLOAT, 4},
    {"Float64", BLOCK_FLOAT, 8},   {"Date", BLOCK_UNSIGNED, 2},   {"DateTime", BLOCK_UNSIGNED, 4},
    {"String", BLOCK_STRING, 0},
};

/* "FixedString(16)": the length is bounded so that a damaged type cannot ask for any size. */
static size_t fixed_width(const char *type, size_t len)
{
    static const char head[] = "FixedString(";
    size_t at = sizeof head - 1, width = 0;
    if (len < at + 2 || memcmp(type, head, at) != 0 || type[len - 1] != ')')
        return 0;
    for (; at < len - 1; at++) {
        if (type[at] < '0' || type[at] > '9' || width > 100000)
            return 0;
        width = width * 10 + (size_t)(type[at] - '0');
    }
    return width;
}

bool block_type_parse(const char *type, size_t len, struct block_column *ret)
{
    static const char array[] = "Array(", zoned[] = "DateTime('";
    struct block_column c = {.is_array = false};
    if (len > sizeof array && memcmp(type, array, sizeof array - 1) == 0 && type[len - 1] == ')') {
        c.is_array = true;
        type += sizeof array - 1;
        len -= sizeof array;
    }
    if (len > sizeof zoned && memcmp(type, zoned, sizeof zoned - 1) == 0 &&
        memcmp(type + len - 2, "')", 2) == 0)
        len = strlen("DateTime");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].name) == len && memcmp(kinds[i].name, type, len) == 0) {
            c.kind = kinds[i].kind;
            c.width = kinds[i].width;
            *ret = c;
            return true;
        }
    c.kind = BLOCK_FIXED;
    c.width = fixed_width(type, len);
    if (c.width == 0)
        return false;
    *ret = c;
    return true;
}

void *block_grow(struct block_part *p, size_t more, size_t width)
{
    if (p->len + more > p->room) {
        p->room = p->room * 2 > p->len + more ? p->room * 2 : p->len + more;
        p->at = memory_resize(p->at, p->room, width);
    }
    void *room = p->at ? (uint8_t *)p->at + p->len * width : NULL; /* NULL: nothing was asked for */
    p->len += more;
    return room;
}

struct block *block_new(void)
{
    return memory_alloc(sizeof(struct block));
}

void block_free(struct block *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->count; i++) {
        struct block_column *c = &b->columns[i];
        free(c->name);
        free(c->type);
        free(c->values.at);
        free(c->ends.at);
        free(c->arrays.at);
    }
    free(b->columns);
    free(b);
}

struct block_column *block_add_column(struct block *b, const char *name, size_t name_len,
                                      const char *type, size_t type_len)
{
    struct block_column c;
    if (!block_type_parse(type, type_len, &c))
        return NULL;
    c.name = memory_text(name, name_len);
    c.type = memory_text(type, type_len);
    b->columns = memory_resize(b->columns, b->count + 1, sizeof *b->columns);
    b->columns[b->count] = c;
    return &b->columns[b->count++];
}

void block_column(struct block *b, const char *name, const char *clickhouse_type)
{
    assert(b->rows == 0 && b->put == 0);
    struct block_column *c =
        block_add_column(b, name, strlen(name), clickhouse_type, strlen(clickhouse_type));
    assert(c && !c->is_array);
    (void)c;
}

/* The column whose turn it is. */
static struct block_column *put_next(struct block *b)
{
    assert(b->count > 0);
    struct block_column *c = &b->columns[b->put];
    if (++b->put == b->count) {
        b->put = 0;
        b->rows++;
    }
    return c;
}

static void put_integer(struct block *b, uint64_t value)
{
    struct block_column *c = put_next(b);
    assert(c->kind == BLOCK_UNSIGNED || c->kind == BLOCK_SIGNED);
    memcpy(block_grow(&c->values, 1, c->width), &value, c->width);
}

void block_put_u64(struct block *b, uint64_t value)
{
    put_integer(b, value);
}

void block_put_i64(struct block *b, int64_t value)
{
    put_integer(b, (uint64_t)value);
}

void block_put_f64(struct block *b, double value)
{
    struct block_column *c = put_next(b);
    assert(c->kind == BLOCK_FLOAT && c->width == 8);
    memcpy(block_grow(&c->values, 1, 8), &value, 8);
}

void block_put_bytes(struct block *b, const void *at, size_t len)
{
    struct block_column *c = put_next(b);
    if (c->kind == BLOCK_FIXED) {
        assert(len <= c->width);
        uint8_t *room = block_grow(&c->values, 1, c->width);
        memset(room, 0, c->width);
        if (len)
            memcpy(room, at, len);
        return;
    }
    assert(c->kind == BLOCK_STRING);
    uint8_t *room = block_grow(&c->values, len, 1);
    if (len)
        memcpy(room, at, len);
    *(uint64_t *)block_grow(&c->ends, 1, sizeof(uint64_t)) = c->values.len;
}

size_t block_rows(const struct block *b)
{
    return b->rows;
}

size_t block_columns(const struct block *b)
{
    return b->count;
}

const char *block_column_name(const struct block *b, size_t column)
{
    assert(column < b->count);
    return b->columns[column].name;
}

const char *block_column_type(const struct block *b, size_t column)
{
    assert(column < b->count);
    return b->columns[column].type;
}

const void *block_values(const struct block *b, size_t column)
{
    assert(column < b->count && !b->columns[column].is_array &&
           b->columns[column].kind != BLOCK_STRING);
    return b->columns[column].values.at;
}

int block_find(const struct block *b, const char *name)
{
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

static uint64_t read_unsigned(const struct block_column *c, size_t at)
{
    uint64_t value = 0;
    memcpy(&value, (const uint8_t *)c->values.at + at * c->width, c->width);
    return value;
}

static int64_t read_signed(const struct block_column *c, size_t at)
{
    unsigned shift = 64 - 8 * (unsigned)c->width;
    return (int64_t)(read_unsigned(c, at) << shift) >> shift;
}

static double read_float(const struct block_column *c, size_t at)
{
    const uint8_t *from = (const uint8_t *)c->values.at + at * c->width;
    float narrow;
    double wide;
    if (c->width == 4) {
        memcpy(&narrow, from, 4);
        return (double)narrow;
    }
    memcpy(&wide, from, 8);
    return wide;
}

/* Out of range is undefined in C: it becomes the nearest end, and "not a number" 0. */
static uint64_t float_to_u64(double x)
{
    return !(x > 0) ? 0 : x >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)x;
}

static int64_t float_to_i64(double x)
{
    return x != x                       ? 0
           : x >= 9223372036854775808.0 ? INT64_MAX
           : x < -9223372036854775808.0 ? INT64_MIN
                                        : (int64_t)x;
}

static uint64_t value_u64(const struct block_column *c, size_t at)
{
    assert(c->kind == BLOCK_UNSIGNED || c->kind == BLOCK_SIGNED || c->kind == BLOCK_FLOAT);
    if (c->kind == BLOCK_FLOAT)
        return float_to_u64(read_float(c, at));
    return c->kind == BLOCK_SIGNED ? (uint64_t)read_signed(c, at) : read_unsigned(c, at);
}

static double value_f64(const struct block_column *c, size_t at)
{
    assert(c->kind == BLOCK_UNSIGNED || c->kind == BLOCK_SIGNED || c->kind == BLOCK_FLOAT);
    if (c->kind == BLOCK_FLOAT)
        return read_float(c, at);
    return c->kind == BLOCK_SIGNED ? (double)read_signed(c, at) : (double)read_unsigned(c, at);
}

static struct bytes value_bytes(const struct block_column *c, size_t at)
{
    if (c->kind == BLOCK_FIXED)
        return bytes_of((const uint8_t *)c->values.at + at * c->width, c->width);
    assert(c->kind == BLOCK_STRING);
    const uint64_t *ends = c->ends.at;
    uint64_t from = at ? ends[at - 1] : 0;
    const uint8_t *texts = c->values.at; /* NULL where all texts are empty */
    return bytes_of(texts ? texts + from : NULL, ends[at] - from);
}

struct block *block_like(const struct block *b)
{
    struct block *same = block_new();
    for (size_t i = 0; i < b->count; i++)
        block_column(same, b->columns[i].name, b->columns[i].type);
    return same;
}

void block_append_row(struct block *b, const struct block *from, size_t row)
{
    assert(b->count == from->count && b->put == 0);
    for (size_t i = 0; i < from->count; i++) {
        const struct block_column *c = &from->columns[i];
        assert(strcmp(c->type, b->columns[i].type) == 0);
        if (c->kind == BLOCK_STRING) {
            struct bytes value = value_bytes(c, row);
            block_put_bytes(b, value.at, value.len);
        } else {
            memcpy(block_grow(&put_next(b)->values, 1, c->width),
                   (const uint8_t *)c->values.at + row * c->width, c->width);
        }
    }
}

void block_append(struct block *b, const struct block *from)
{
    for (size_t row = 0; row < from->rows; row++)
        block_append_row(b, from, row);
}

static const struct block_column *scalar(const struct block *b, size_t column, size_t row)
{
    assert(column < b->count && row < b->rows && !b->columns[column].is_array);
    return &b->columns[column];
}

uint64_t block_u64(const struct block *b, size_t column, size_t row)
{
    return value_u64(scalar(b, column, row), row);
}

int64_t block_i64(const struct block *b, size_t column, size_t row)
{
    const struct block_column *c = scalar(b, column, row);
    return c->kind == BLOCK_FLOAT ? float_to_i64(read_float(c, row)) : (int64_t)value_u64(c, row);
}

double block_f64(const struct block *b, size_t column, size_t row)
{
    return value_f64(scalar(b, column, row), row);
}

struct bytes block_bytes(const struct block *b, size_t column, size_t row)
{
    return value_bytes(scalar(b, column, row), row);
}

/* Where array `row` begins among the elements, and in `ret_len` how many it has. */
static size_t array_at(const struct block *b, size_t column, size_t row, size_t *ret_len)
{
    assert(column < b->count && row < b->rows && b->columns[column].is_array);
    const uint64_t *ends = b->columns[column].arrays.at;
    uint64_t from = row ? ends[row - 1] : 0;
    *ret_len = ends[row] - from;
    return from;
}

size_t block_array_len(const struct block *b, size_t column, size_t row)
{
    size_t len;
    array_at(b, column, row, &len);
    return len;
}

static size_t element_at(const struct block *b, size_t column, size_t row, size_t i)
{
    size_t len, from = array_at(b, column, row, &len);
    assert(i < len);
    return from + i;
}

uint64_t block_array_u64(const struct block *b, size_t column, size_t row, size_t i)
{
    return value_u64(&b->columns[column], element_at(b, column, row, i));
}

double block_array_f64(const struct block *b, size_t column, size_t row, size_t i)
{
    return value_f64(&b->columns[column], element_at(b, column, row, i));
}

struct bytes block_array_bytes(const struct block *b, size_t column, size_t row, size_t i)
{
    return value_bytes(&b->columns[column], element_at(b, column, row, i));
}

/* A batch column's width follows from its type, so a wrong type is seen here, not as wrong rows. */
static bool fits(const struct block_column *c, enum field f)
{
    return strcmp(c->type, field_type_clickhouse(field_infos[f].type)) == 0;
}

int block_to_batch(const struct block *b, size_t from, struct batch *out, struct error *err)
{
    size_t count = b->rows - from < batch_room(out) ? b->rows - from : batch_room(out);
    size_t first = out->rows;
    for (size_t i = 0; i < count; i++)
        batch_add(out);
    for (size_t i = 0; i < b->count; i++) {
        const struct block_column *c = &b->columns[i];
        int f = field_find(c->name, strlen(c->name));
        if (f < 0 || !out->columns[f])
            continue;
        if (!fits(c, (enum field)f)) {
            batch_rewind(out, first);
            return error_set(err, ERROR_FAILED, "column %s has type %s, not %s", c->name, c->type,
                             field_type_clickhouse(field_infos[f].type));
        }
        if (field_infos[f].type == TYPE_STR) {
            for (size_t row = 0; row < count; row++) {
                struct bytes text = value_bytes(c, from + row);
                batch_set_text(out, (enum field)f, first + row, (const char *)text.at, text.len);
            }
            continue;
        }
        if (count)
            memcpy((uint8_t *)out->columns[f] + first * c->width,
                   (const uint8_t *)c->values.at + from * c->width, count * c->width);
    }
    return (int)count;
}
