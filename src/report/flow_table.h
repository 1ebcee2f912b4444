/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations as the table that anyone can bring (docs/formats.md, Tables): who opened is the
 * source, the other direction stands in the reverse columns. CSV (RFC 4180), or a JSON array. Text
 * from the network is made inert as report/rows.h says. */
#ifndef TELLTALE_REPORT_FLOW_TABLE_H
#define TELLTALE_REPORT_FLOW_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "batch/batch.h"
#include "schema/symbols.h"

/* Appends a row to `record` (STAGE_RECORD) for each of `flows` (STAGE_FLOW); there must be room. */
void flow_to_records(const struct batch *flows, struct batch *records);

struct flow_table;

struct flow_table *flow_table_new(FILE *out, bool json, const struct symbols *symbols,
                                  uint16_t community_seed);
/* The conversations and their records, row by row. */
void flow_table_rows(struct flow_table *t, const struct batch *flows, const struct batch *records);
/* Writes the end, frees `t`, returns how many rows there were. */
uint64_t flow_table_end(struct flow_table *t);
/* "name type, ..." for the engine: the columns and ClickHouse's types of them. */
extern const char flow_table_structure[];

#endif
