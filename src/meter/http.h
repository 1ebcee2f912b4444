/* SPDX-License-Identifier: Apache-2.0 */
/* The host that an HTTP/1 request is for (RFC 9112 section 3.2): the authority of an absolute or
 * CONNECT target, else the Host field. Pure function of its octets; any thread. */
#ifndef TELLTALE_METER_HTTP_H
#define TELLTALE_METER_HTTP_H

#include "meter/name.h"

/* `stream` starts where a request may start and may end early. A response is LOOK_NOT. */
enum look http_request(struct bytes stream, struct name *ret);

/* The value of a field of a request's or response's header section, borrowed; `field` is its name in
 * lower case with the colon ("user-agent:"). LOOK_NAME when it is there, LOOK_MORE while the section
 * is not whole and it was not found, LOOK_NONE when there is none. */
enum look http_field(struct bytes stream, const char *field, struct bytes *ret);

/* True when these octets can be the start of a request line: a quick test of the method. */
bool http_may_be_request(struct bytes stream);

#endif
