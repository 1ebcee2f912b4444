/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of `flow` as people read them, computed by the engine itself: for formats that the engine
 * writes (Parquet). Same names and texts as report/rows.h prints, numbers and times typed. */
#ifndef TELLTALE_STORE_READABLE_H
#define TELLTALE_STORE_READABLE_H

#include "base/buf.h"
#include "schema/symbols.h"

/* Appends "expr AS name, ..." for every shown field of table flow, and for no other. `source_path`
 * gives the path of row `id` of table source (NULL past the last; ids start at 1). */
void readable_columns(struct buf *out, const struct symbols *symbols,
                      const char *(*source_path)(void *ctx, uint32_t id), void *ctx);
/* Appends ", ..." for a last column community_id, computed with `seed`. The rows must be called `f`, as
 * in store_flow_format(). */
void readable_community(struct buf *out, uint16_t seed);

#endif
