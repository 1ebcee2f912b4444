/* SPDX-License-Identifier: Apache-2.0 */
/* Every table of a report's model, flat: what the model nests stands in columns ("share_low"), what
 * it lists within a row in a table of its own.
 *
 * Lists of objects become tables named by their path ("presence_countries_institutions"); a row of
 * an inner list has first the number of its parent's row and what that is called (`of`, `of_name`).
 * Lists of values become (index, value), matrices (row, index, value), and texts within a row one
 * cell. All single values stand in `values` (path, value). So every number of the model is in some
 * file. */
#ifndef TELLTALE_REPORT_TABLE_FILES_H
#define TELLTALE_REPORT_TABLE_FILES_H

#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"

/* {name: [row, ...]}: rows are objects of plain values. Names have letters, digits and _ only. */
json_t *report_tables(const json_t *model);
/* The columns of such a table, in the order in which rows bring them: an array of names. */
json_t *report_table_columns(const json_t *rows);
/* CSV (RFC 4180): formulas defused, control and bidirectional characters replaced. */
void report_table_csv(const json_t *rows, FILE *out);
/* For the engine: "name type, ...", and the rows as one JSON array. */
void report_table_structure(const json_t *rows, struct buf *out);
void report_table_json(const json_t *rows, FILE *out);

#endif
