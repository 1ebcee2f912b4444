/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations as people and programs read them: an aligned table, CSV (RFC 4180) or JSON.
 *
 * Times are RFC 3339 in UTC with milliseconds, addresses text, codes resolved. Text from the network
 * is made inert: invalid UTF-8 becomes U+FFFD; in tables control and bidirectional formatting
 * characters do too; a CSV cell that a spreadsheet would take for a formula gets a leading '. */
#ifndef TELLTALE_REPORT_ROWS_H
#define TELLTALE_REPORT_ROWS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "batch/block.h"
#include "report/pseudonym.h"
#include "schema/symbols.h"

enum rows_format { ROWS_TABLE, ROWS_CSV, ROWS_JSON };

struct rows_setting {
    enum rows_format format;
    const struct symbols *symbols;
    /* Where row `id` of table source came from; NULL prints the number. */
    const char *(*source_path)(void *ctx, uint32_t id);
    void *source_ctx;
    int width; /* of the terminal, for tables */
    bool community; /* CSV, JSON: a last column community_id, with this seed */
    uint16_t community_seed;
    struct pseudonyms *pseudonyms; /* for addresses, names, exporters and sources; NULL: none */
};

struct rows_writer;

struct rows_writer *rows_new(const struct rows_setting *setting, FILE *out);
void rows_free(struct rows_writer *w);
/* Prints every row of a block that has the columns of table flow (any order, any subset). */
void rows_block(struct rows_writer *w, const struct block *b);
/* Prints the end (a JSON array's bracket). Returns the number of rows printed. */
uint64_t rows_end(struct rows_writer *w);

/* Appends "name type, ..." of the JSON rows of all fields and community_id, in ClickHouse's words. */
void rows_structure(struct buf *out);

/* The name under which a field is printed: "start" for start_ms. */
const char *rows_column_name(int field);

#endif
