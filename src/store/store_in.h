/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's own files share. */
#ifndef TELLTALE_STORE_STORE_IN_H
#define TELLTALE_STORE_STORE_IN_H

#include "base/arena.h"
#include "store/store.h"

enum { SOURCE_BEGUN = 1, SOURCE_DONE = 2 };
enum { DAYS = 65536 }; /* a Date */

struct source_row {
    uint32_t id, version;
    uint8_t state;
    uint64_t conversations;
};

struct store {
    const struct study *study; /* borrowed */
    struct engine *engine;
    struct symbols *symbols;
    uint32_t saved[SYMBOL_KINDS]; /* symbols up to this code are in the table */
    struct arena *arena;          /* texts of sources */
    uint64_t meta_version;
    bool is_stale;             /* derived tables may be older than the flows */
    bool derive_later;         /* store_derive_later() */
    bool derive_by_sql;        /* tests: also where it could be done in memory */
    uint8_t touched[DAYS / 8]; /* UTC days that imports of this process changed since */
    bool was_stale;            /* ... and not only those of the days that the import touches */
    bool has_dropped;          /* ... for the writer took batches out: see store_settle() */
    struct outbox *outbox;     /* made by the first import */
    uint32_t slot_s;
    struct source_row *sources; /* [id - 1]; id 0 where the table has no row */
    uint32_t source_count;
};

/* Waits until the writer is done with what imports gave it: before any use of the engine beside it.
 */
int store_settle(struct store *s, struct error *err);
/* Inserts the block into `table`. */
int store_insert(struct store *s, const char *table, const struct block *b, struct error *err);
/* The symbols that are new since the last call, as rows of `symbol`; NULL when there are none. They
 * are to be written before any row that uses them. */
struct block *store_new_symbols(struct store *s);
int store_set_meta(struct store *s, const char *key, const char *value, struct error *err);
/* Removes rows and returns when they are gone. */
int store_delete(struct store *s, const char *table, const char *where, struct error *err);
/* The source's row, made when it is missing; valid until the next call. */
struct source_row *store_source(struct store *s, uint32_t id);

/* One batch as the ledger or the table has it. */
struct ledger_row {
    uint32_t source, batch;
    uint64_t rows, octets, digest;
};

/* What the ledger says of `source` (0: of all), ascending. Freed by the caller with free(). */
int ledger_read(struct store *s, uint32_t source, struct ledger_row **ret, size_t *ret_count,
                struct error *err);
/* What lies in table flow; `digest` only when asked for. */
int ledger_read_flow(struct store *s, uint32_t source, bool with_digest, struct ledger_row **ret,
                     size_t *ret_count, struct error *err);
/* ERROR_DAMAGED when finished sources differ from the ledger: in each day's rows; or batch by
 * batch, where an import was interrupted, a day differs, or (`thorough`) with octets and digests.
 */
int ledger_compare(struct store *s, bool thorough, struct error *err);
/* Adds conversations to a batch's sums. */
struct address_hashes;
struct address_hashes *address_hashes_new(void); /* freed with free() */
void ledger_count(struct ledger_row *row, const struct batch *b, struct address_hashes *h);

/* Finishes what a killed store_reattribute() had begun to put in place. */
int reattribute_recover(struct store *s, struct error *err);

/* Sets of days, UTC or the zone's. */
static inline bool day_bit(const uint8_t *bits, int32_t at)
{
    return bits[at / 8] >> (at % 8) & 1;
}

static inline void day_set_bit(uint8_t *bits, int32_t at)
{
    if (at >= 0 && at < DAYS)
        bits[at / 8] |= (uint8_t)(1 << (at % 8));
}

/* Inserts the rows of these days of the zone, of which the derived tables have none. */
int derive_in_memory(struct store *s, const uint8_t zone_days[DAYS / 8], struct error *err);
/* Remakes the derived days that conversations of these UTC days lie in: bit u of `utc_days`. */
int derive_days(struct store *s, const uint8_t utc_days[DAYS / 8], struct error *err);
int derive_mark_stale(struct store *s, struct error *err);
int derive_mark_fresh(struct store *s, struct error *err);
/* Whether meta's `derived` says that they are as this program and study would make them. */
bool derive_is_fresh(const struct store *s, const char *mark);
/* True when the tables do not have the rows that the mark, which is fresh, says. */
int derive_differs(struct store *s, const char *mark, bool *ret, struct error *err);
enum { DERIVED_MARK_MAX = 256 };
uint32_t derive_slot_s(const struct study *study);
/* The SELECT of `activity` over conversations of these days of the zone, in bins of bin_ms. */
/* "... AS zone_day": the date on the zone's clock of a row of `flow` that starts within these days.
 */
void derive_zone_day_sql(struct buf *out, const struct zone *zone, int32_t from_day,
                         int32_t to_day);
void derive_activity_sql(struct buf *out, const struct zone *zone, int32_t from_day, int32_t to_day,
                         uint64_t bin_ms);

#endif
