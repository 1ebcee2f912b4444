/* SPDX-License-Identifier: Apache-2.0 */
/* Values as tables and logs write them. All return false, and `ret` as it was, for what is none. */
#ifndef TELLTALE_DECODE_TABLE_VALUE_H
#define TELLTALE_DECODE_TABLE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Without spaces around. */
struct bytes value_trimmed(struct bytes b);
/* "", "-", "(empty)", "null", "NULL", "\N": no value. */
bool value_absent(struct bytes b);

/* Decimal, also with a fraction of zeros ("12.0"), or hexadecimal after 0x. */
bool value_number(struct bytes b, uint64_t *ret);
/* Moment in ms since 1970 UTC: RFC 3339 (also with a space or slashes, with an offset without
 * colon, with any digits of a fraction; without offset it is UTC), or a number since the epoch: in
 * s below 10^11, in ms below 10^14, in us below 10^17, else in ns. Cut, not rounded, to ms; until
 * 2100. */
bool value_moment(struct bytes b, uint64_t *ret_ms);
/* Seconds with a fraction, to ms; also "1:02:03.5" (h:m:s). */
bool value_duration(struct bytes b, uint64_t *ret_ms);
/* TCP flags: a number (after 0x or where `is_hex` hexadecimal), or the letters FSRPAUEC in any
 * order and case, with dots or other signs between. */
bool value_tcp_flags(struct bytes b, bool is_hex, uint8_t *ret);

#endif
