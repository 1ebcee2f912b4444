/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to Parquet by the embedded engine. */
#ifndef TELLTALE_CMD_PARQUET_H
#define TELLTALE_CMD_PARQUET_H

#include <stdio.h>

#include "base/error.h"

/* A file without a name for what is on its way; NULL with `err`. */
FILE *spool_open(struct error *err);

/* `rows` is a file of one JSON array of objects; `structure` is "name type, ..." of its columns, in
 * ClickHouse's words. Writes Parquet to `fd`. `store` is the folder of an embedded store, or NULL:
 * then a folder is made for the engine and removed. One thread, in order, in bounded memory. */
int parquet_write(const char *store, FILE *rows, const char *structure, int fd, struct error *err);

#endif
