/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the nfcapd reader share. Inside src/decode only. */
#ifndef TELLTALE_DECODE_NFCAPD_IN_H
#define TELLTALE_DECODE_NFCAPD_IN_H

#include "decode/nfcapd.h"

enum {
    NFCAPD_BLOCK_OCTETS_MAX = 16 << 20, /* nfdump's buffers hold 5 to 10 MiB */
    NFCAPD_RECORD_LEAST = 28,           /* octets of the smallest flow record */
};

/* How many records were lost where a block's header states `records`, which may be damaged too: as
 * many where a block could hold them, else one. */
static inline uint32_t nfcapd_lost(uint32_t records)
{
    return records && records <= NFCAPD_BLOCK_OCTETS_MAX / NFCAPD_RECORD_LEAST ? records : 1;
}

/* Records of decompressed blocks to rows, with what the file told about exporters so far. */
struct nfcapd_records;

struct nfcapd_records *nfcapd_records_new(const struct decode_setting *setting);
void nfcapd_records_free(struct nfcapd_records *r);

/* Decodes records at the start of `*block`, until NFCAPD_ROWS_MAX or its end, and moves past them.
 * `*left` is how many records the block's header states beyond those seen. Where a record's length
 * cannot be, `*block` becomes empty and the rest is counted; in a block that is `cut` the caller
 * counts it. */
void nfcapd_records_decode(struct nfcapd_records *r, struct bytes *block, uint32_t *left, bool cut,
                           struct batch *out, struct tally *tally);

/* Counts `count` records that could not be read. */
void nfcapd_records_reject(struct nfcapd_records *r, enum reason reason, uint64_t count,
                           struct tally *tally);

/* Passes what was gathered on to coverage. */
void nfcapd_records_finish(struct nfcapd_records *r);

#endif
