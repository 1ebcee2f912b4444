/* SPDX-License-Identifier: Apache-2.0 */
/* The server name in a TLS ClientHello (RFC 8446 section 4.1.2, RFC 5246, RFC 6066 section 3) and
 * in a DTLS one (RFC 6347, RFC 9147). Pure functions of their octets; any thread. */
#ifndef TELLTALE_METER_TLS_H
#define TELLTALE_METER_TLS_H

#include "meter/assembly.h"
#include "meter/name.h"

/* `message` starts at the handshake message's type; it may end early. */
enum look tls_client_hello(struct bytes message, struct name *ret);

/* `stream` starts at a TLS record; the hello may be spread over records. `scratch` holds at least
 * ASSEMBLY_OCTETS. An SSL 2 compatible hello is LOOK_NONE: it has no extensions. */
enum look tls_stream(struct bytes stream, uint8_t *scratch, struct name *ret);

/* One datagram of DTLS records. Fragments of a ClientHello are gathered in `hello`, which the
 * caller has started with base 0 and keeps while this answers LOOK_MORE. */
enum look dtls_datagram(struct bytes datagram, struct assembly *hello, struct name *ret);

/* True when these octets can only be the start of a TLS record with a ClientHello. At least 6. */
static inline bool tls_is_client_hello(struct bytes b)
{
    return b.len >= 6 && b.at[0] == 22 && b.at[1] == 3 && b.at[2] <= 4 && b.at[5] == 1 &&
           (b.at[3] << 8 | b.at[4]) >= 4 && (b.at[3] << 8 | b.at[4]) <= 16384 + 2048;
}

#endif
