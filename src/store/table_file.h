/* SPDX-License-Identifier: Apache-2.0 */
/* A Parquet file as rows of cells, read by the embedded engine. */
#ifndef TELLTALE_STORE_TABLE_FILE_H
#define TELLTALE_STORE_TABLE_FILE_H

#include "decode/table.h"
#include "engine/engine.h"

struct table_file;

/* Reads the file's columns. `engine` is an embedded one that nothing else uses while rows are read;
 * it gets to see the file through `fd` alone. A file without the least columns is an error that
 * says which is missing. */
int table_file_open(struct engine *engine, int fd, const struct table_map *map, const char *shown,
                    struct table_file **ret, struct error *err);
void table_file_free(struct table_file *f);
/* The kind decides how cells are read: TABLE_ARGUS for its columns, else TABLE_PARQUET. */
enum table_kind table_file_kind(const struct table_file *f);
const bool *table_file_has(const struct table_file *f);

/* Every row in the file's order; cells are valid during the call. A non-zero answer of `each` stops
 * it and is returned. */
int table_file_read(struct table_file *f, int (*each)(void *ctx, const struct table_row *row),
                    void *ctx, struct error *err);

#endif
