/* SPDX-License-Identifier: Apache-2.0 */
/* The spool's layout, for its writer and its reader. */
#ifndef TELLTALE_INPUT_SPOOL_IN_H
#define TELLTALE_INPUT_SPOOL_IN_H

#include "input/spool.h"

/* Both headers are written as they lie: little-endian machines only, as the engine is. */
struct spool_head {
    char magic[8];
    uint64_t number;
};

struct block_head {
    uint32_t kind, rows;
    uint32_t len;    /* octets of the block as it was made */
    uint32_t stored; /* octets in the file; less than `len`: LZ4 */
    uint32_t crc;    /* CRC-32 of the four above and the octets in the file */
};

static const char spool_magic[8] = "TTSPOOL1";

enum block_kind {
    BLOCK_SYMBOLS = 1,
    BLOCK_RECORDS,
    BLOCK_COVERAGE,
    BLOCK_TALLY,
    BLOCK_CARRY,
    BLOCK_END,
};

enum column_form {
    FORM_CONSTANT, /* one value for all rows */
    FORM_PLAIN,    /* the batch's array */
    FORM_OFFSETS,  /* UInt64: the least, then UInt32 above it */
    FORM_IPV4,     /* the last four octets of each */
    FORM_TEXT,     /* UInt16 lengths, then the octets */
    FORM_EMPTY,    /* texts, all of them empty */
};

uint32_t block_crc(const struct block_head *head, const void *octets);

#endif
