/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to Parquet by the embedded engine. */
#ifndef TELLTALE_CMD_PARQUET_H
#define TELLTALE_CMD_PARQUET_H

#include <stdio.h>

#include "base/error.h"

/* A file without a name for what is on its way; NULL with `err`. */
FILE *spool_open(struct error *err);

struct parquet;

/* `store` is the folder of an embedded store, or NULL: then a folder is made for the engine, and
 * removed by parquet_close(). One thread. */
int parquet_open(const char *store, struct parquet **ret, struct error *err);
void parquet_close(struct parquet *p);
/* `rows` is a file of one JSON array of objects; `structure` is "name type, ..." of its columns, in
 * ClickHouse's words. Writes Parquet to `fd`, in order and in bounded memory. */
int parquet_write(struct parquet *p, FILE *rows, const char *structure, int fd, struct error *err);

#endif
