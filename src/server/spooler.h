/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what was decoded into the spool, on a thread of its own: NUMBER.part grows, and becomes
 * NUMBER.spool when it is closed. A group that was given is on the disk within a moment; a disk
 * that is full is tried again until it is not, and the receiver waits then (the kernel counts what
 * it drops). */
#ifndef TELLTALE_SERVER_SPOOLER_H
#define TELLTALE_SERVER_SPOOLER_H

#include "base/buf.h"
#include "base/error.h"
#include "input/spool.h"

enum { GROUP_ROWS = 4 * 65536 };

/* What the receiver gathered since the last one. */
struct spool_group {
    struct batch *records;         /* STAGE_RECORD, GROUP_ROWS */
    struct coverage_row *coverage; /* of the segment so far */
    size_t coverage_count, coverage_room;
    struct tally tally; /* of the segment so far */
    struct buf symbols; /* new ones: spooler_symbol() */
    bool close;         /* the segment ends with it */
    bool last;          /* and so does the collection: nothing stays open */
};

struct spooler;

struct spooler_state {
    uint64_t records, octets, segments; /* written since the start; segments closed */
    uint64_t failures;                  /* writes that did not succeed and were tried again */
    char error[256];                    /* of the last one while it lasts, "" otherwise */
};

/* Makes `dir`, closes what an earlier run left open there, and starts the thread. */
int spooler_start(const char *dir, struct spooler **ret, struct error *err);
/* An empty group to fill; waits while all are on their way. */
struct spool_group *spooler_take(struct spooler *s, bool *waited);
void spooler_symbol(struct spool_group *g, enum symbol_kind kind, uint32_t code, const char *text);
void spooler_give(struct spooler *s, struct spool_group *g);
struct spooler_state spooler_state(struct spooler *s);
/* Waits until everything given is written; what is still open is closed. After `patience_s` of a
 * disk that takes nothing it gives up and says so. */
int spooler_stop(struct spooler *s, unsigned patience_s, struct error *err);

#endif
