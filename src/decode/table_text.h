/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a text table or log as rows of cells: CSV, TSV (also with ; or | between), JSON lines,
 * Zeek's TSV, AWS VPC flow logs. A line is a row: line breaks inside quotes are not supported, so
 * that one stray quote costs one row. Lines may be as long as LINE_MAX. */
#ifndef TELLTALE_DECODE_TABLE_TEXT_H
#define TELLTALE_DECODE_TABLE_TEXT_H

#include <jansson.h>

#include "decode/table.h"
#include "input/stream.h"

enum { TABLE_LINE_MAX = 1 << 20 };

/* Whether octets from the start of a file look like text at all. */
bool table_text_is(struct bytes head);

struct table_text;

/* Finds the format from the first lines. Takes `stream` in any case. A text that is no table of
 * flows is an error that says which column is missing; Zeek's other logs are none. */
int table_text_open(struct stream *stream, const struct table_map *map, const char *shown,
                    struct table_text **ret, struct error *err);
void table_text_free(struct table_text *t);
enum table_kind table_text_kind(const struct table_text *t);
const bool *table_text_has(const struct table_text *t);
/* "conn", "dns", ... of a log of Zeek; "" for others. */
const char *table_text_path(const struct table_text *t);
/* "zeek dns", "csv", ... Valid for the program's life. */
const char *table_text_format(const struct table_text *t);

enum table_next { TABLE_NEXT_END, TABLE_NEXT_ROW, TABLE_NEXT_BAD };

/* The next row, whose cells are valid until the next call. BAD: a line that is none, `wrong` says
 * why. Blank lines and Zeek's # lines are passed over. */
enum table_next table_text_next(struct table_text *t, struct table_row *ret, enum reason *wrong);
/* The line's object where lines are JSON, else NULL; valid as the row is. */
const json_t *table_text_json(const struct table_text *t);
bool table_text_damaged(const struct table_text *t);

#endif
