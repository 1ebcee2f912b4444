/* SPDX-License-Identifier: Apache-2.0 */
/* One source from file to store: the only place where the folders are wired into a stream.
 *
 *   stream -> capture -> meter or decoder -> records -> pairer -> attribution -> store
 *
 * Batches and tables are made once and used for every file. One thread reads, pairs and attributes; the
 * store's own writes (store/store.h), and one computes the digests of the files to come. */
#ifndef TELLTALE_CMD_PIPELINE_H
#define TELLTALE_CMD_PIPELINE_H

#include "attribute/attribute.h"
#include "base/error.h"
#include "decode/table.h"
#include "store/store.h"
#include "study/study.h"

enum pipeline_as { AS_GUESS, AS_PACKETS, AS_EXPORTS };

struct pipeline;

struct pipeline_result {
    struct source source;
    enum store_seen seen; /* STORE_DONE: it was there before, `source` is what the store says */
    double seconds;
};

struct pipeline *pipeline_new(const struct study *study, struct store *store,
                              struct attribution *attribution);
void pipeline_free(struct pipeline *p);

/* Names of columns for tables that have their own, borrowed; and a file of the same run, which may tell
 * names for others (cmd/tables.h). Before the first import. */
void pipeline_map(struct pipeline *p, const struct table_map *map);
void pipeline_offer(struct pipeline *p, const char *path);

/* Segments of a spool (input/spool.h) that follow one another: what one leaves open goes on in the
 * next (cmd/carry.h). Without it each is a file like others. */
void pipeline_carry(struct pipeline *p);

/* `tick` is called now and then with octets of the file read, its size, and records so far. */
typedef void pipeline_tick(void *ctx, uint64_t done, uint64_t of, uint64_t records);

int pipeline_import(struct pipeline *p, const char *path, const char *shown_path,
                    enum pipeline_as as, pipeline_tick *tick, void *tick_ctx,
                    struct pipeline_result *ret, struct error *err);

#endif
