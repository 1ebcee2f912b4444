/* SPDX-License-Identifier: Apache-2.0 */
/* The filter language: one grammar for the command line, the API and the page, in the habit of
 * nfdump and tcpdump. docs/filter.md has it whole. A filter is read-only once parsed: any thread.
 *
 *   struct filter *f;
 *   if (filter_parse("net 175.45.176.0/22 and dst port 443", &f, err) == 0) {
 *       filter_sql(f, symbols, &sql);   // a condition over the columns of table `flow`
 *       filter_free(f);
 *   }
 */
#ifndef TELLTALE_STORE_FILTER_H
#define TELLTALE_STORE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "batch/batch.h"
#include "schema/symbols.h"

enum {
    FILTER_TEXT_MAX_OCTETS = 1 << 20,
    FILTER_FILE_MAX_OCTETS = 16 << 20,
    FILTER_RANGES_MAX = 10000, /* addresses and prefixes of one filter, after joining neighbours */
    FILTER_NODES_MAX = 10000,
    FILTER_DEPTH_MAX = 200,
};

struct filter;

/* Empty text matches everything. ERROR_USAGE and "filter:COLUMN: what" otherwise; columns count
 * octets from 1. Reads the files that @lists name; `files` false refuses them (text that came over
 * the network). */
int filter_parse(const char *text, struct filter **ret, struct error *err);
int filter_parse_text(const char *text, size_t len, bool files, struct filter **ret,
                      struct error *err);
void filter_free(struct filter *f);

/* Appends a condition in the SQL that ClickHouse 18.16 and 26.7 share. Values stand as numbers or
 * unhex(), never as text. A service (category, application, exporter) without a code in this store
 * is a condition that nothing meets. */
void filter_sql(const struct filter *f, const struct symbols *symbols, struct buf *out);

/* The same condition on one row of a STAGE_FLOW batch. */
bool filter_match(const struct filter *f, const struct symbols *symbols, const struct batch *flows,
                  size_t row);

/* Appends the filter as text: the same filter however it was written. */
void filter_print(const struct filter *f, struct buf *out);

/* Is there such a service or category? `kind` is SYMBOL_SERVICE or SYMBOL_CATEGORY. */
typedef bool filter_known(void *ctx, enum symbol_kind kind, const char *text, size_t len);
/* ERROR_USAGE with the column of the first name that `known` does not know. */
int filter_check(const struct filter *f, filter_known *known, void *ctx, struct error *err);

#endif
