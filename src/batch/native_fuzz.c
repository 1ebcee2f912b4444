/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a Native stream: decoding whole and block by block agrees and nothing is read or
 * written outside; what was decoded without arrays encodes and decodes to the same rows. */
#include <stdlib.h>
#include <string.h>

#include "batch/block.h"

static void touch(const struct block *b)
{
    uint64_t sum = 0;
    for (size_t c = 0; c < block_columns(b); c++) {
        const char *type = block_column_type(b, c);
        bool is_array = strncmp(type, "Array(", 6) == 0;
        const char *inner = type + (is_array ? 6 : 0);
        bool is_text = strncmp(inner, "String", 6) == 0 || strncmp(inner, "FixedString(", 12) == 0;
        for (size_t row = 0; row < block_rows(b); row++) {
            size_t len = is_array ? block_array_len(b, c, row) : 1;
            for (size_t i = 0; i < len; i++) {
                if (is_text) {
                    struct bytes t =
                        is_array ? block_array_bytes(b, c, row, i) : block_bytes(b, c, row);
                    sum += t.len ? t.at[t.len - 1] : 0;
                } else {
                    sum += is_array ? block_array_u64(b, c, row, i) : block_u64(b, c, row);
                    sum +=
                        is_array ? (block_array_f64(b, c, row, i) > 0) : block_f64(b, c, row) > 0;
                }
            }
        }
    }
    volatile uint64_t sink = sum;
    (void)sink;
}

static void again(const struct block *b)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    native_encode_block(&out, b);
    struct block *copy = NULL;
    if (native_decode(bytes_of(out.at, out.len), &copy, NULL) != 0 ||
        block_rows(copy) != block_rows(b))
        abort();
    block_free(copy);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct block *b;
    struct bytes rest = bytes_of(data, size);
    size_t rows = 0;
    int got;
    while (rest.len && (got = native_decode_next(&rest, &b, NULL)) > 0) {
        rows += block_rows(b);
        touch(b);
        block_free(b);
    }
    if (native_decode(bytes_of(data, size), &b, NULL) == 0) {
        if (block_rows(b) != rows)
            abort();
        touch(b);
        again(b);
        block_free(b);
    }
    return 0;
}
