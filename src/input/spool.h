/* SPDX-License-Identifier: Apache-2.0 */
/* The spool: what live collection has decoded and not yet stored. A segment is a file that begins
 * with a header and goes on in blocks, each with its length and CRC-32:
 *
 *   SYMBOLS  texts that later records name by code
 *   RECORDS  rows of STAGE_RECORD, by column: constant, 32-bit offsets or as they are; LZ4
 *   COVERAGE all rows of the segment so far; a later block replaces it
 *   TALLY    the account of the segment so far; a later block replaces it
 *   CARRY    conversations left open by the segment before (flow/flow.h), as they were given
 *   END      the segment was closed; says whether the collection ended with it
 *
 * A group is everything up to and with a TALLY. What a crash left behind is good up to its last
 * whole group: spool_recover() cuts the rest off and closes it, so records and account agree.
 * Columns are named, so a newer program reads what an older one has left. Little-endian. */
#ifndef TELLTALE_INPUT_SPOOL_H
#define TELLTALE_INPUT_SPOOL_H

#include "base/error.h"
#include "batch/batch.h"
#include "input/stream.h"
#include "schema/coverage.h"
#include "schema/symbols.h"
#include "schema/tally.h"

enum { SPOOL_ROWS_MAX = 65536, SPOOL_BLOCK_MAX = 64 << 20 };

/* --- writing; one thread. A failed write leaves the file as it was before the call. --- */

struct spool_writer;

/* Makes `path`, which must not exist. `number` orders the segments of a spool. */
int spool_create(const char *path, uint64_t number, struct spool_writer **ret, struct error *err);
/* Rows [from, from + count) of a batch (STAGE_RECORD), at most SPOOL_ROWS_MAX; `symbols` resolves
 * its exporters and applications. */
int spool_records(struct spool_writer *w, const struct batch *b, size_t from, size_t count,
                  const struct symbols *symbols, struct error *err);
int spool_coverage(struct spool_writer *w, const struct coverage_row *rows, size_t count,
                   const struct symbols *symbols, struct error *err);
/* Ends the group. */
int spool_tally(struct spool_writer *w, const struct tally *t, struct error *err);
/* In as many blocks as it takes; a failure may leave the first of them. */
int spool_carry(struct spool_writer *w, struct bytes carry, struct error *err);
/* Everything so far is on the disk (fdatasync). */
int spool_sync(struct spool_writer *w, struct error *err);
uint64_t spool_octets(const struct spool_writer *w);
/* Closes and frees; with `end` an END is written and synced before. */
int spool_close(struct spool_writer *w, bool end, bool last, struct error *err);

/* --- reading --- */

enum spool_block {
    SPOOL_RECORDS, /* rows were appended to the batch */
    SPOOL_CARRY,
    SPOOL_END,     /* the closed segment's end */
    SPOOL_CUT,     /* the file ended without one */
    SPOOL_DAMAGED, /* a block is not what its checksum says, or cannot be */
};

struct spool;

bool spool_is(struct bytes head); /* at least 8 octets */
/* Takes ownership of `in` also when it fails. */
int spool_begin(struct stream *in, struct spool **ret, struct error *err);
void spool_free(struct spool *s);
/* The next block that matters to the caller. `out` (STAGE_RECORD) must have room for
 * SPOOL_ROWS_MAX rows; exporters and applications get their codes in `symbols`. */
enum spool_block spool_next(struct spool *s, struct symbols *symbols, struct batch *out);
uint64_t spool_number(const struct spool *s);
struct bytes spool_carried(const struct spool *s); /* of the CARRY just read; good till the next */
bool spool_is_last(const struct spool *s);         /* after SPOOL_END: the collection ended */
/* The newest ones read; coverage's exporters have the codes of `symbols`. */
const struct tally *spool_account(const struct spool *s);
const struct coverage_row *spool_coverage_rows(const struct spool *s, size_t *count);

/* What was not closed: cuts it to its last whole group and ends it there, or removes it when there
 * is none. `kept` may be NULL. */
int spool_recover(const char *path, bool *kept, struct error *err);

#endif
