/* SPDX-License-Identifier: Apache-2.0 */
/* A spool segment; its checksums are made right first, so that what lies behind them is reached. */
#include "base/memory.h"
#include "input/spool_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = memory_alloc(size + 1);
    memcpy(copy, data, size);
    for (size_t at = sizeof(struct spool_head); at + sizeof(struct block_head) <= size;) {
        struct block_head head;
        memcpy(&head, copy + at, sizeof head);
        if (head.stored > size - at - sizeof head)
            break;
        head.crc = block_crc(&head, copy + at + sizeof head);
        memcpy(copy + at, &head, sizeof head);
        at += sizeof head + head.stored;
    }
    struct spool *s;
    if (spool_begin(stream_of_bytes(bytes_of(copy, size)), &s, NULL) == 0) {
        struct symbols *symbols = symbols_new(4096);
        static struct batch *out; /* kept: making it takes longer than all the rest */
        if (!out)
            out = batch_new(STAGE_RECORD, SPOOL_ROWS_MAX);
        for (int i = 0; i < 100; i++) {
            enum spool_block got = spool_next(s, symbols, out);
            if (got != SPOOL_RECORDS && got != SPOOL_CARRY)
                break;
            batch_clear(out);
        }
        batch_clear(out);
        symbols_free(symbols);
        spool_free(s);
    }
    free(copy);
    return 0;
}
