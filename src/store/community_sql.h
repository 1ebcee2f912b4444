/* SPDX-License-Identifier: Apache-2.0 */
/* Community ID version 1 as the embedded engine computes it, for formats that the engine writes.
 * report/community.h is the same in C; a test holds the two against each other. */
#ifndef TELLTALE_STORE_COMMUNITY_SQL_H
#define TELLTALE_STORE_COMMUNITY_SQL_H

#include <stdint.h>

#include "base/buf.h"

/* Appends an expression over the columns of `flow`, called `f`. Not for 18.16 (char, base64Encode).
 */
void community_sql(struct buf *out, uint16_t seed);

#endif
