/* SPDX-License-Identifier: Apache-2.0 */
/* What imports have ready for the tables, written by a thread of its own and several sources at
 * once, so that reading goes on meanwhile and many small files do not cost an INSERT each.
 *
 * Items are written in groups, in the order they were put: the rows of sources that begin; new
 * symbols; batches of `flow`, a day's in one INSERT; their lines of `ledger`; `coverage`; the rows
 * of sources that are done. Within a group that keeps the order that import.c's header asks for of
 * each source. What a batch holds does not depend on groups. The first failure is kept: all later
 * calls return it and nothing more is written. One thread puts; it must not use the store's engine
 * before outbox_settle() returned. */
#ifndef TELLTALE_STORE_OUTBOX_H
#define TELLTALE_STORE_OUTBOX_H

#include "store/store_in.h"

enum { BATCH_ROWS = 524288 }; /* of one batch, and of one INSERT */

struct piece { /* a batch: rows of one UTC day from one source */
    uint16_t day;
    struct ledger_row row; /* source and batch; the writer counts the rest */
    struct batch **chunks; /* of at most 65,536 rows each; given back by outbox_keep() */
    size_t chunk_count;
    size_t rows;
};

/* An earlier try's batches: what the ledger says and what is there. */
struct earlier {
    uint32_t source;
    bool resumes; /* they may still be the same as this try's */
    struct ledger_row *ledger, *have;
    size_t ledger_count, have_count;
    uint32_t last_batch; /* of this try, when it ended */
};

/* GIVEN_UP: there will be no END; it only lets go of `earlier`. */
enum item_kind { ITEM_BEGIN, ITEM_PIECE, ITEM_END, ITEM_GIVEN_UP, ITEM_ANY };

struct item {
    struct item *next;
    enum item_kind kind;
    struct block *symbols; /* new ones; NULL: none */
    struct block *source;  /* BEGIN, END: its row */
    struct earlier
        *earlier; /* NULL where the source is new; PIECE borrows it, END and GIVEN_UP own it */
    struct piece piece;
    struct block *coverage; /* END: ascending days; NULL: none */
};

struct outbox;

struct outbox *outbox_new(struct store *s);
/* What was put and is not written yet is dropped. */
void outbox_free(struct outbox *o);
/* Takes the item in any case. Waits while too many rows are there already. */
int outbox_put(struct outbox *o, struct item *item, struct error *err);
/* Waits until everything that was put is written. */
int outbox_settle(struct outbox *o, struct error *err);
/* Sources whose END was put and is not written. */
size_t outbox_unfinished(struct outbox *o);
bool outbox_failed(struct outbox *o);

/* Empty chunks are used again; both threads. */
struct batch *outbox_chunk(struct outbox *o);
void outbox_keep(struct outbox *o, struct batch *chunk);
enum { CHUNK_ROWS = 1024 };

#endif
