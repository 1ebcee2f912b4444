/* SPDX-License-Identifier: Apache-2.0 */
/* The authority of the first request of HTTP/2 in the clear (RFC 9113 with prior knowledge). Only
 * what that needs of HPACK (RFC 7541) is read. Pure function of its octets; any thread. */
#ifndef TELLTALE_METER_HTTP2_H
#define TELLTALE_METER_HTTP2_H

#include "meter/name.h"

/* `stream` starts at the connection preface and may end early. */
enum look http2_authority(struct bytes stream, struct name *ret);

/* A header block's authority or host; it may end early. */
enum look http2_header_block(struct bytes block, struct name *ret);

#endif
