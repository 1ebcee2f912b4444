/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and logs on their way to records: opens them, finds the logs that go with one, and reads
 * Parquet through the embedded engine. One thread. */
#ifndef TELLTALE_CMD_TABLES_H
#define TELLTALE_CMD_TABLES_H

#include "batch/sightings.h"
#include "decode/table.h"
#include "store/store.h"
#include "study/study.h"

struct table_inputs;

/* Where rows go. `room` is called after every row and makes room for the next one in `records` and
 * `seen`; a negative answer ends the import. */
struct table_sink {
    struct batch *records;
    struct sightings *seen;
    struct tally *tally;
    int (*room)(void *ctx, uint64_t file_octets_read, struct error *err);
    void *ctx;
};

struct table_inputs *table_inputs_new(const struct study *study, struct store *store,
                                      struct coverage *coverage);
void table_inputs_free(struct table_inputs *t);
/* Names of columns for all tables to come; borrowed. */
void table_inputs_map(struct table_inputs *t, const struct table_map *map);
/* A file that will be imported in the same run: where it is one of Zeek's logs that tell names,
 * conn logs use it that have none in their own folder. */
void table_inputs_offer(struct table_inputs *t, const char *path);

/* Whether octets from the start of a file may be a table's: text, or Parquet. */
bool table_inputs_is(struct bytes head);
/* The format's name; an error says why it cannot be read. */
int table_inputs_format(struct table_inputs *t, const char *path, const char *shown,
                        const char **ret, struct error *err);
int table_inputs_import(struct table_inputs *t, const char *path, const char *shown,
                        const struct table_sink *sink, struct error *err);

#endif
