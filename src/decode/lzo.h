/* SPDX-License-Identifier: Apache-2.0 */
/* LZO1X blocks (what lzo1x_1 and its relatives write), decompressed within bounds.
 *
 * Written from the public description of the stream (Linux, Documentation/staging/lzo.rst): nothing
 * of the GPL library is used. */
#ifndef TELLTALE_DECODE_LZO_H
#define TELLTALE_DECODE_LZO_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Octets written to `out`, or -1 when `in` is damaged, ends before its end mark or needs more than
 * `size`. Neither reads nor writes outside, whatever `in` is; no octet of `out` that was not
 * written before is read. */
ptrdiff_t lzo_decompress(uint8_t *out, size_t size, struct bytes in);

#endif
