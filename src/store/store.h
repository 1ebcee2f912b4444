/* SPDX-License-Identifier: Apache-2.0 */
/* The study's store: tables, sources, the ledger, derived tables. docs/store.md has the tables. */
#ifndef TELLTALE_STORE_STORE_H
#define TELLTALE_STORE_STORE_H

#include <jansson.h>

#include "base/error.h"
#include "batch/batch.h"
#include "engine/engine.h"
#include "schema/coverage.h"
#include "schema/symbols.h"
#include "schema/tally.h"
#include "study/study.h"

enum store_mode { STORE_READ, STORE_WRITE };

struct store;

/* Opens (STORE_WRITE: makes when missing) the study's store, loads the symbols and compares the
 * ledger with what is there: ERROR_DAMAGED with what differs. Derived tables that are not what the
 * flows and the study's zone make are made again, for a reader too. `study` must outlive the store.
 */
int store_open(const struct study *study, enum store_mode mode, struct store **ret,
               struct error *err);
void store_close(struct store *s);
struct engine *store_engine(struct store *s);
struct symbols *store_symbols(struct store *s);

/* A source is a file by content. */
struct source {
    char path[4096];
    const char *format; /* "pcap", "pcapng", "ipfix", ... */
    uint8_t sha256[32];
    struct tally tally;
    uint64_t conversations;
    uint64_t first_ms, last_ms; /* of the records kept; 0 when none */
};

/* STORE_NEW: import it; STORE_RESUME: an import was interrupted: import it again, batches that
 * are already there are passed over; STORE_DONE: it is there, `ret` is filled. */
enum store_seen { STORE_NEW, STORE_RESUME, STORE_DONE };

struct import; /* one source being imported */

int import_begin(struct store *s, struct source *source, struct import **ret, enum store_seen *seen,
                 struct error *err);
/* Takes conversations of any days, sets source, batch and day, and inserts a day's batch whenever
 * one is full. Rows are copied; `flows` may be cleared after. */
int import_rows(struct import *i, struct batch *flows, struct error *err);
/* Writes what is left, coverage, the source's row, and remakes the derived tables of the days
 * touched. After it returns 0 the import is durable; after store_derive_later(), once
 * store_derive() returned 0. Frees `i` in any case. */
int import_end(struct import *i, const struct source *source, struct coverage *coverage,
               struct error *err);
void import_abandon(struct import *i);

/* Remakes derived tables where they are older than the flows (after imports, also interrupted
 * ones), or all of them. */
int store_derive(struct store *s, bool all, struct error *err);
/* Makes the tables that a report reads in place of the flows (docs/store.md, Summaries), where they
 * are not those of this study's days and of what is in the store. Before any of them is read. */
int store_summary(struct store *s, struct error *err);
/* From now on import_end() hands over and returns: a thread of the store writes, several small
 * sources at once, and the derived tables are left to one store_derive() after the last source,
 * which waits for that thread. If it never comes, the next opening repairs it. Failures of the
 * thread are returned by whichever call comes next, and by all after it. */
void store_derive_later(struct store *s);
/* Waits until all that imports handed over is durable. Before anything else uses the store's engine
 * while sources are imported, and before a source's file may be removed. */
int store_settle(struct store *s, struct error *err);
/* Sources that import_end() took and that are not (or, after a failure, will not be) in the store.
 */
size_t store_unfinished(struct store *s);
/* True once the thread could not write: nothing more will be taken. */
bool store_failed(struct store *s);

/* The thorough comparison: every octet of the facts against the engine's checksums (not on 18.16),
 * and the digest of each batch against the ledger. ERROR_DAMAGED as store_open() has it. */
int store_verify(struct store *s, struct error *err);

/* Conversations of a window of time: by their start (the rule of every count and of evidence), by
 * their end, or those of which any moment lies in it. from_ms <= t < to_ms. */
enum store_basis { STORE_BASIS_START, STORE_BASIS_END, STORE_BASIS_OVERLAP };

struct store_window {
    uint64_t from_ms, to_ms; /* 0 and UINT64_MAX: all */
    enum store_basis basis;
};

/* `where` is a condition over the columns of `flow`, made by store/filter.h ("" or NULL: all),
 * never text of a user. Blocks have every field of a conversation in the order of fields.def
 * (batch/block.h: block_to_batch), rows in ascending order of start; at most `limit` of them, 0:
 * all. */
int store_flow_query(struct store *s, const char *where, const struct store_window *window,
                     uint64_t limit, int (*each)(void *ctx, const struct block *b), void *ctx,
                     struct error *err);
int store_flow_count(struct store *s, const char *where, const struct store_window *window,
                     uint64_t *ret, struct error *err);
/* The same rows as `columns` ("expr AS name, ..."; store/readable.h), written by the engine. */
int store_flow_format(struct store *s, const char *columns, const char *where,
                      const struct store_window *window, uint64_t limit, const char *format, int fd,
                      struct error *err);

/* Sources as in report-model's provenance: [{path, format, sha256, state, first, last, records,
 * kept,
 * ...}], the source of row `id` at index id - 1. `state` is "done" or "interrupted". */
int store_sources(struct store *s, json_t **ret, struct error *err);
/* The activity tables' bin: 1800, or 900 where the zone's offset needs it. */
uint32_t store_slot_s(const struct store *s);

#endif
