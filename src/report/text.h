/* SPDX-License-Identifier: Apache-2.0 */
/* Text from the network, made harmless for where it is going. */
#ifndef TELLTALE_REPORT_TEXT_H
#define TELLTALE_REPORT_TEXT_H

#include "base/buf.h"
#include "base/bytes.h"

/* Appends `in` as valid UTF-8: each octet that does not belong to a sequence (RFC 3629) becomes
 * U+FFFD; with `visible`, also control characters and Unicode's bidirectional formatting ones. */
void text_utf8(struct buf *out, struct bytes in, bool visible);
/* Appends a JSON string with its quotes (RFC 8259). */
void text_json(struct buf *out, struct bytes in);
/* Appends a CSV cell (RFC 4180), quoted where needed, no formula. */
void text_csv(struct buf *out, struct bytes in);

#endif
