/* SPDX-License-Identifier: Apache-2.0 */
/* A table of any columns, as the engine takes and gives it: ClickHouse's Native format
 * (https://clickhouse.com/docs/interfaces/formats/Native), protocol revision 0: for each block
 * varint columns, varint rows, then per column varint-prefixed name, type, and the dense values.
 * Types: UInt8..UInt64, Int8..Int64, Float32, Float64, FixedString(N), String, Date, DateTime, and
 * Array(T) of those. */
#ifndef TELLTALE_BATCH_BLOCK_H
#define TELLTALE_BATCH_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "batch/batch.h"

/* Appends the rows [from, from + count) of a STAGE_FLOW batch as one Native block. Deterministic:
 * the same rows give the same octets. */
void native_encode_batch(struct buf *out, const struct batch *b, size_t from, size_t count);

/* Rows of several STAGE_FLOW batches in an order of one's own, and some of their columns, each
 * under a name of the caller's. `order` has for each row the batch's index * 65,536 + the row's. */
struct native_rows {
    const struct batch *const *batches; /* at most 65,536, of at most 65,536 rows */
    size_t batch_count;
    const uint32_t *order;
    size_t count;
    const enum field *fields;
    const char *const *names;
    size_t field_count;
};
enum { NATIVE_ORDER_SHIFT = 16 };
void native_encode_rows(struct buf *out, const struct native_rows *rows);

/* A block by hand: its columns in order, each with the room where its dense values of `octets` in
 * all go (NULL past the buffer's limit). */
void native_begin(struct buf *out, size_t columns, size_t rows);
void *native_column(struct buf *out, const char *name, const char *type, size_t octets);

struct block;

/* Builds a block of other tables' rows: columns first, then row by row in column order. */
struct block *block_new(void);
void block_free(struct block *b);
void block_column(struct block *b, const char *name, const char *clickhouse_type);
void block_put_u64(struct block *b, uint64_t value); /* any unsigned, Date, DateTime */
void block_put_i64(struct block *b, int64_t value);
void block_put_f64(struct block *b, double value);
void block_put_bytes(struct block *b, const void *at, size_t len); /* String, FixedString */
/* An empty block with the same columns, and rows of one put at the end of such a block. */
struct block *block_like(const struct block *b);
void block_append_row(struct block *b, const struct block *from, size_t row);
void block_append(struct block *b, const struct block *from);
void native_encode_block(struct buf *out, const struct block *b);

/* Decodes every block of a Native stream into one. */
int native_decode(struct bytes native, struct block **ret, struct error *err);
/* Decodes the first block of a stream and moves `native` past it: 1; 0 when the block is not whole
 * yet; negative when it cannot be read. */
int native_decode_next(struct bytes *native, struct block **ret, struct error *err);

/* Appends rows [from..) of a block to a batch, columns by name, as many as there is room for, and
 * returns how many; columns that the block lacks stay zero. Texts past the pool are lost and
 * counted: give a batch whose pool is large enough. */
int block_to_batch(const struct block *b, size_t from, struct batch *out, struct error *err);

size_t block_rows(const struct block *b);
size_t block_columns(const struct block *b);
const char *block_column_name(const struct block *b, size_t column);
const char *block_column_type(const struct block *b, size_t column);
/* -1 when there is no such column. */
int block_find(const struct block *b, const char *name);
/* The dense values of a column of numbers or of FixedString(N), as many as rows. */
const void *block_values(const struct block *b, size_t column);
/* Values; integers and floats convert. A wrong column or row is our own mistake (assert). */
uint64_t block_u64(const struct block *b, size_t column, size_t row);
int64_t block_i64(const struct block *b, size_t column, size_t row);
double block_f64(const struct block *b, size_t column, size_t row);
struct bytes block_bytes(const struct block *b, size_t column, size_t row);
/* Array columns: number of elements, and element i. */
size_t block_array_len(const struct block *b, size_t column, size_t row);
uint64_t block_array_u64(const struct block *b, size_t column, size_t row, size_t i);
double block_array_f64(const struct block *b, size_t column, size_t row, size_t i);
struct bytes block_array_bytes(const struct block *b, size_t column, size_t row, size_t i);

#endif
